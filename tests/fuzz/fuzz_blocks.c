/*
 * Any bytes as blocks of any storage type: they dequantize, packing keeps them exactly, and what
 * every instruction-set path makes of them is what plain C does, bit for bit for the integer types.
 */
#include "kernels/cpu/kernels.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { K = 256, M = 3, N = 2 };

static void must(int condition)
{
	if (!condition) {
		abort();
	}
}

/* Equal bits, or both NaN, whose bits are anybody's. */
static int same(const float *a, const float *b, int64_t n)
{
	for (int64_t i = 0; i < n; i++) {
		if (memcmp(&a[i], &b[i], 4) != 0 && !(a[i] != a[i] && b[i] != b[i])) {
			return 0;
		}
	}
	return 1;
}

static void multiply(enum cpu_isa isa, enum dtype dtype, uint8_t *weight, float *in, float *out)
{
	enum act_type type = act_type_for(dtype);
	uint8_t *act = malloc((size_t)cpu_act_bytes(type, N, K));
	uint8_t *buffer[] = {(uint8_t *)in, act, weight, (uint8_t *)out};
	struct op_env env = {.buffer = buffer, .n_row = N};
	struct op pack = {.kind = OP_PACK_ACT}, matmul = {.kind = OP_MATMUL};
	const struct cpu_kernel *kernels = cpu_kernels(isa);

	must(act != NULL);
	pack.pack_act.in.buffer = 0;
	pack.pack_act.out.buffer = 1;
	pack.pack_act.type = type;
	pack.pack_act.k = K;
	matmul.matmul.act.buffer = 1;
	matmul.matmul.act_type = type;
	matmul.matmul.k = K;
	matmul.matmul.n_part = 1;
	matmul.matmul.part[0].weight.buffer = 2;
	matmul.matmul.part[0].bias.buffer = OPERAND_NONE;
	matmul.matmul.part[0].out.buffer = 3;
	matmul.matmul.part[0].dtype = dtype;
	matmul.matmul.part[0].m = M;
	kernels[OP_PACK_ACT].run(&pack, &env, 0, kernels[OP_PACK_ACT].items(&pack, &env));
	kernels[OP_MATMUL].run(&matmul, &env, 0, kernels[OP_MATMUL].items(&matmul, &env));
	free(act);
}

/* The first byte says the type; the others are the rows, over and over. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	float floats[K], back[K], in[N * K], want[N * M], got[N * M];
	uint8_t *rows, *packed;
	enum dtype dtype;
	int64_t row_bytes;

	if (size < 2) {
		return 0;
	}
	dtype = (enum dtype)(data[0] % DTYPE_COUNT);
	row_bytes = dtype_row_bytes(dtype, K);
	rows = malloc((size_t)(M * row_bytes));
	packed = malloc((size_t)cpu_weight_bytes(dtype, M, K));
	must(rows && packed);
	for (int64_t i = 0; i < M * row_bytes; i++) {
		rows[i] = data[1 + (size_t)i % (size - 1)];
	}
	for (int i = 0; i < N * K; i++) {
		in[i] = (float)(i * 37 % 255 - 127) / 64;
	}
	cpu_weight_pack(dtype, rows, M, K, 0, cpu_weight_panels(M), packed);
	for (int64_t r = 0; r < M; r++) {
		dtype_dequantize(dtype, rows + r * row_bytes, floats, K);
		cpu_weight_unpack_row(dtype, packed, M, K, r, back);
		must(same(floats, back, K));
	}
	multiply(CPU_ISA_PORTABLE, dtype, packed, in, want);
	for (int isa = CPU_ISA_PORTABLE + 1; isa < CPU_ISA_COUNT; isa++) {
		if (cpu_isa_supported((enum cpu_isa)isa)) {
			multiply((enum cpu_isa)isa, dtype, packed, in, got);
			must(act_type_for(dtype) != ACT_Q8 || same(want, got, N * M));
		}
	}
	dtype_quantize(dtype, floats, rows, K);
	free(packed);
	free(rows);
	return 0;
}
