/*
 * Causal grouped-query attention for training on a CPU with AVX-512 BF16, forward and backward in
 * blocks of 64 x 64 (Dao 2023: the scores are never stored, the backward pass makes them again).
 * attention.py builds it and checks it against PyTorch's own, which takes about twice as long.
 *
 * Every product is one kernel: C[64][64] += A[64][64] B, A's rows bf16, B packed as pairs of rows,
 * [32][64] x {low: row 2k, high: row 2k + 1}, as vdpbf16ps wants them.
 *
 * q, out, dout, dq bf16 [batch][length][heads][64]; k, v, dk, dv bf16 [batch][length][kv][64];
 * lse f32 [batch][heads][length], in powers of two. The length is a multiple of 64.
 */
#include <immintrin.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

namespace {

constexpr int64_t N = 64; // block and head size
using bf16 = uint16_t;
using floats = std::vector<float>;
using pairs = std::vector<uint32_t>;

template <bool add> void product(float *c, const bf16 *a, int64_t a_stride, const uint32_t *b)
{
	for (int64_t row = 0; row < N; row += 4) {
		__m512 sum[4][4];
		for (int r = 0; r < 4; r++) {
			for (int v = 0; v < 4; v++) {
				sum[r][v] = add ? _mm512_loadu_ps(c + (row + r) * N + v * 16)
						: _mm512_setzero_ps();
			}
		}
		for (int64_t k = 0; k < N / 2; k++) {
			__m512bh column[4];
			for (int v = 0; v < 4; v++) {
				column[v] = (__m512bh)_mm512_loadu_si512(b + k * N + v * 16);
			}
			for (int r = 0; r < 4; r++) {
				int32_t two;
				memcpy(&two, a + (row + r) * a_stride + 2 * k, sizeof(two));
				__m512bh both = (__m512bh)_mm512_set1_epi32(two);
				for (int v = 0; v < 4; v++) {
					sum[r][v] = _mm512_dpbf16_ps(sum[r][v], both, column[v]);
				}
			}
		}
		for (int r = 0; r < 4; r++) {
			for (int v = 0; v < 4; v++) {
				_mm512_storeu_ps(c + (row + r) * N + v * 16, sum[r][v]);
			}
		}
	}
}

__m512 exp2_ps(__m512 x)
{
	__m512 whole = _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
	__m512 f = _mm512_sub_ps(x, whole);
	__m512 p = _mm512_set1_ps(1.3333558e-3f);
	p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(9.6181291e-3f));
	p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(5.5504109e-2f));
	p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(2.4022651e-1f));
	p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(6.9314718e-1f));
	p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(1.0f));
	return _mm512_scalef_ps(p, whole);
}

void store_bf16(bf16 *to, __m512 x)
{
	_mm256_storeu_si256((__m256i *)to, (__m256i)_mm512_cvtneps_pbh(x));
}

float to_float(bf16 x)
{
	uint32_t bits = (uint32_t)x << 16;
	float value;
	memcpy(&value, &bits, sizeof(value));
	return value;
}

/* Rows [64] of a block as pairs of rows: for a product that sums over the rows. */
void pack_rows(uint32_t *to, const bf16 *from, int64_t stride)
{
	for (int64_t k = 0; k < N / 2; k++) {
		for (int64_t i = 0; i < N; i++) {
			to[k * N + i] = from[2 * k * stride + i] |
				(uint32_t)from[(2 * k + 1) * stride + i] << 16;
		}
	}
}

/* The same of the transposed block: for a product that sums over the head's elements. */
void pack_columns(uint32_t *to, const bf16 *from, int64_t stride)
{
	for (int64_t i = 0; i < N; i++) {
		for (int64_t k = 0; k < N / 2; k++) {
			memcpy(&to[k * N + i], from + i * stride + 2 * k, sizeof(uint32_t));
		}
	}
}

struct shape {
	int64_t length, heads, kv;
	int64_t blocks() const { return length / N; }
	int64_t group() const { return heads / kv; }
	int64_t q_stride() const { return heads * N; }
	int64_t kv_stride() const { return kv * N; }
};

/* Columns of the diagonal block that row `row` sees, 16 from `column` on. */
__mmask16 seen(int64_t row, int64_t column)
{
	int64_t n = std::clamp<int64_t>(row + 1 - column, 0, 16);
	return (__mmask16)((1u << n) - 1);
}

const float log2_e = 1.44269504f;
const float scale = 0.125f; // 1 / sqrt(64)

struct softmax_row {
	float max = -1e30f, sum = 0;
};

/* One row of scores to probabilities bf16; the output row is scaled to the new maximum. */
void soften(softmax_row &state, const float *score, bf16 *p, float *out, bool diagonal, int64_t row)
{
	__m512 s[4], top = _mm512_set1_ps(-1e30f), total = _mm512_setzero_ps();

	for (int v = 0; v < 4; v++) {
		s[v] = _mm512_mul_ps(
			_mm512_loadu_ps(score + v * 16), _mm512_set1_ps(scale * log2_e));
		if (diagonal) {
			s[v] = _mm512_mask_blend_ps(
				seen(row, v * 16), _mm512_set1_ps(-1e30f), s[v]);
		}
		top = _mm512_max_ps(top, s[v]);
	}
	float max = std::max(state.max, _mm512_reduce_max_ps(top));
	for (int v = 0; v < 4; v++) {
		s[v] = exp2_ps(_mm512_sub_ps(s[v], _mm512_set1_ps(max)));
		total = _mm512_add_ps(total, s[v]);
		store_bf16(p + v * 16, s[v]);
	}
	__m512 shrink = exp2_ps(_mm512_set1_ps(std::max(state.max - max, -1000.0f)));
	for (int v = 0; v < 4; v++) {
		_mm512_storeu_ps(out + v * 16,
			_mm512_mul_ps(_mm512_loadu_ps(out + v * 16), shrink));
	}
	state.sum = state.sum * _mm512_cvtss_f32(shrink) + _mm512_reduce_add_ps(total);
	state.max = max;
}

void forward_head(const shape &s, const bf16 *q, const pairs &k, const pairs &v, bf16 *out,
	float *lse)
{
	std::vector<float> score(N * N), sum(N * N);
	std::vector<bf16> p(N * N);

	for (int64_t i = 0; i < s.blocks(); i++) {
		softmax_row state[N];
		std::fill(sum.begin(), sum.end(), 0.0f);
		for (int64_t j = 0; j <= i; j++) {
			product<false>(score.data(), q + i * N * s.q_stride(), s.q_stride(),
				&k[j * N * N / 2]);
			for (int64_t row = 0; row < N; row++) {
				soften(state[row], &score[row * N], &p[row * N], &sum[row * N],
					i == j, row);
			}
			product<true>(sum.data(), p.data(), N, &v[j * N * N / 2]);
		}
		for (int64_t row = 0; row < N; row++) {
			__m512 inverse = _mm512_set1_ps(1 / state[row].sum);
			for (int v16 = 0; v16 < 4; v16++) {
				store_bf16(out + (i * N + row) * s.q_stride() + v16 * 16,
					_mm512_mul_ps(
						_mm512_loadu_ps(&sum[row * N + v16 * 16]), inverse));
			}
			lse[i * N + row] = state[row].max + __builtin_log2f(state[row].sum);
		}
	}
}

/* One head's queries, packed both ways, and what the backward pass needs of its output. */
struct packed_head {
	pairs q_columns, q_rows, dout_columns, dout_rows;
	floats dot; // sum over a row of out * dout

	packed_head(const shape &s, const bf16 *q, const bf16 *out, const bf16 *dout)
	    : q_columns(s.length * N / 2), q_rows(s.length * N / 2),
	      dout_columns(s.length * N / 2), dout_rows(s.length * N / 2), dot(s.length)
	{
		for (int64_t i = 0; i < s.blocks(); i++) {
			int64_t at = i * N * s.q_stride(), to = i * N * N / 2;
			pack_columns(&q_columns[to], q + at, s.q_stride());
			pack_rows(&q_rows[to], q + at, s.q_stride());
			pack_columns(&dout_columns[to], dout + at, s.q_stride());
			pack_rows(&dout_rows[to], dout + at, s.q_stride());
		}
		for (int64_t t = 0; t < s.length; t++) {
			for (int64_t e = 0; e < N; e++) {
				dot[t] += to_float(out[t * s.q_stride() + e]) *
					to_float(dout[t * s.q_stride() + e]);
			}
		}
	}
};

struct backward_block {
	alignas(64) float score[N * N], dprobability[N * N];
	alignas(64) bf16 p[N * N], dscore[N * N];
	alignas(64) uint32_t dscore_rows[N * N / 2];

	/* Of keys (rows) against queries (columns): p, and dscore both ways. */
	void make(const float *lse, const float *dot, bool diagonal)
	{
		for (int64_t key = 0; key < N; key += 2) {
			for (int v = 0; v < 4; v++) {
				__m512 ds[2];
				for (int r = 0; r < 2; r++) {
					ds[r] = row(key + r, v, lse, dot, diagonal);
				}
				__m512i low = _mm512_cvtepu16_epi32(
					(__m256i)_mm512_cvtneps_pbh(ds[0]));
				__m512i high = _mm512_cvtepu16_epi32(
					(__m256i)_mm512_cvtneps_pbh(ds[1]));
				_mm512_store_si512(dscore_rows + key / 2 * N + v * 16,
					_mm512_or_si512(low, _mm512_slli_epi32(high, 16)));
			}
		}
	}

	__m512 row(int64_t key, int v, const float *lse, const float *dot, bool diagonal)
	{
		int64_t at = key * N + v * 16;
		__m512 probability = exp2_ps(
			_mm512_fmsub_ps(_mm512_load_ps(score + at), _mm512_set1_ps(scale * log2_e),
				_mm512_loadu_ps(lse + v * 16)));
		if (diagonal) { // a query sees the keys up to itself
			__mmask16 unseen = seen(key - 1, v * 16);
			probability = _mm512_mask_blend_ps(
				unseen, probability, _mm512_setzero_ps());
		}
		__m512 ds = _mm512_mul_ps(_mm512_mul_ps(probability, _mm512_set1_ps(scale)),
			_mm512_sub_ps(_mm512_load_ps(dprobability + at),
				_mm512_loadu_ps(dot + v * 16)));
		store_bf16(p + at, probability);
		store_bf16(dscore + at, ds);
		return ds;
	}
};

void backward_head(const shape &s, const packed_head &head, const bf16 *k, const bf16 *v,
	const std::vector<bf16> &k_turned, const float *lse, bf16 *dq, floats &dk, floats &dv)
{
	floats dq_turned(s.length * N); // [block][element][query]
	backward_block block;

	for (int64_t j = 0; j < s.blocks(); j++) {
		const bf16 *key = k + j * N * s.kv_stride(), *value = v + j * N * s.kv_stride();
		for (int64_t i = j; i < s.blocks(); i++) {
			int64_t at = i * N * N / 2;
			product<false>(block.score, key, s.kv_stride(), &head.q_columns[at]);
			product<false>(
				block.dprobability, value, s.kv_stride(), &head.dout_columns[at]);
			block.make(lse + i * N, &head.dot[i * N], i == j);
			product<true>(&dv[j * N * N], block.p, N, &head.dout_rows[at]);
			product<true>(&dk[j * N * N], block.dscore, N, &head.q_rows[at]);
			product<true>(&dq_turned[i * N * N], &k_turned[j * N * N], N,
				block.dscore_rows);
		}
	}
	for (int64_t t = 0; t < s.length; t++) {
		alignas(64) float row[N];
		for (int64_t e = 0; e < N; e++) {
			row[e] = dq_turned[t / N * N * N + e * N + t % N];
		}
		for (int e = 0; e < N; e += 16) {
			store_bf16(dq + t * s.q_stride() + e, _mm512_load_ps(row + e));
		}
	}
}

void store_rows(bf16 *to, int64_t stride, const floats &from)
{
	for (size_t t = 0; t < from.size() / N; t++) {
		for (int e = 0; e < N; e += 16) {
			store_bf16(to + (int64_t)t * stride + e, _mm512_loadu_ps(&from[t * N + e]));
		}
	}
}

} // namespace

extern "C" void attention_forward(const bf16 *q, const bf16 *k, const bf16 *v, bf16 *out,
	float *lse, int64_t batch, int64_t length, int64_t heads, int64_t kv)
{
	shape s{length, heads, kv};

#pragma omp parallel for schedule(dynamic)
	for (int64_t task = 0; task < batch * kv; task++) {
		int64_t b = task / kv, g = task % kv;
		int64_t kv_at = (b * length * kv + g) * N;
		pairs k_columns(length * N / 2), v_rows(length * N / 2);
		for (int64_t j = 0; j < s.blocks(); j++) {
			int64_t at = kv_at + j * N * s.kv_stride();
			pack_columns(&k_columns[j * N * N / 2], k + at, s.kv_stride());
			pack_rows(&v_rows[j * N * N / 2], v + at, s.kv_stride());
		}
		for (int64_t h = g * s.group(); h < (g + 1) * s.group(); h++) {
			int64_t at = (b * length * heads + h) * N;
			forward_head(s, q + at, k_columns, v_rows, out + at,
				lse + (b * heads + h) * length);
		}
	}
}

extern "C" void attention_backward(const bf16 *q, const bf16 *k, const bf16 *v, const bf16 *out,
	const float *lse, const bf16 *dout, bf16 *dq, bf16 *dk, bf16 *dv, int64_t batch,
	int64_t length, int64_t heads, int64_t kv)
{
	shape s{length, heads, kv};

#pragma omp parallel for schedule(dynamic)
	for (int64_t task = 0; task < batch * kv; task++) {
		int64_t b = task / kv, g = task % kv;
		int64_t kv_at = (b * length * kv + g) * N;
		std::vector<bf16> k_turned(length * N); // [block][element][key]
		floats dk_sum(length * N), dv_sum(length * N);
		for (int64_t t = 0; t < length; t++) {
			for (int64_t e = 0; e < N; e++) {
				k_turned[t / N * N * N + e * N + t % N] =
					k[kv_at + t * s.kv_stride() + e];
			}
		}
		for (int64_t h = g * s.group(); h < (g + 1) * s.group(); h++) {
			int64_t at = (b * length * heads + h) * N;
			packed_head head(s, q + at, out + at, dout + at);
			backward_head(s, head, k + kv_at, v + kv_at, k_turned,
				lse + (b * heads + h) * length, dq + at, dk_sum, dv_sum);
		}
		store_rows(dk + kv_at, s.kv_stride(), dk_sum);
		store_rows(dv + kv_at, s.kv_stride(), dv_sum);
	}
}
