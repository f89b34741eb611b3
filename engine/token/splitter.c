/* The known pre-tokenizers: their published steps, and the words that GGUF has for them. */
#include "engine/token/splitter.h"

#include "base/mem.h"
#include "engine/token/splitter_internal.h"

#include <string.h>

#define CONTRACTIONS "'s|'t|'re|'ve|'m|'ll|'d"
#define GPT2_TAIL    "| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"
#define SPACE_TAIL   "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define WORDS_TAIL   " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*" SPACE_TAIL
/* with \p{N}, \p{N}{1,3} or \p{N}+ */
#define WORDS(numbers) "(?i:" CONTRACTIONS ")|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|" numbers "|" WORDS_TAIL
#define PREFIX         "[^\\r\\n\\p{L}\\p{N}]?"
#define UPPER          "\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}"
#define LOWER          "\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}"
/* without what words are not made of, with what stands behind them */
#define CASES(but, behind)                                                                         \
	PREFIX "[" UPPER but "]*[" LOWER but "]+" behind "|" PREFIX "[" UPPER but "]+[" LOWER but  \
	       "]*" behind "|"
#define BEHIND     "(?i:" CONTRACTIONS ")?"
#define CASES_TAIL "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*" SPACE_TAIL
#define O200K      CASES("", BEHIND) "\\p{N}{1,3}" CASES_TAIL
#define NOT_HAN    "&&[^\\p{Han}]"
/* clang-format off */
#define DEEPSEEK_LETTERS \
	"A-Za-z\u00b5\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u01ba\u01bc-\u01bf\u01c4-" \
	"\u0293\u0295-\u02af\u0370-\u0373\u0376\u0377\u037b-\u037d\u037f\u0386" \
	"\u0388-\u038a\u038c\u038e-\u03a1\u03a3-\u03f5\u03f7-\u0481\u048a-\u052f" \
	"\u0531-\u0556\u10a0-\u10c5\u13a0-\u13f5\u13f8-\u13fd\u1c90-\u1cba\u1cbd-" \
	"\u1cbf\u1d00-\u1d2b\u1d6b-\u1d77\u1d79-\u1d9a\u1e00-\u1f15\u1f18-\u1f1d" \
	"\u1f20-\u1f45\u1f48-\u1f4d\u1f50-\u1f57\u1f59\u1f5b\u1f5d\u1f5f-\u1f7d" \
	"\u1f80-\u1fb4\u1fb6-\u1fbc\u1fbe\u1fc2-\u1fc4\u1fc6-\u1fcc\u1fd0-\u1fd3" \
	"\u1fd6-\u1fdb\u1fe0-\u1fec\u1ff2-\u1ff4\u1ff6-\u1ffc\u2102\u2107\u210a-" \
	"\u2113\u2115\u2119-\u211d\u2124\u2126\u2128\u212a-\u212d\u212f-\u2134" \
	"\u2139\u213c-\u213f\u2145-\u2149\u214e\u2183\u2184\u2c00-\u2c7b\u2c7e-" \
	"\u2ce4\u2ceb-\u2cee\u2cf2\u2cf3\ua640-\ua66d\ua680-\ua69b\ua722-\ua76f" \
	"\ua771-\ua787\ua78b-\ua78e\uab70-\uabbf\ufb00-\ufb06\ufb13-\ufb17\uff21-" \
	"\uff3a\uff41-\uff5a\U00010400-\U0001044f\U000104b0-\U000104d3\U000104d8-" \
	"\U000104fb\U00010c80-\U00010cb2\U00010cc0-\U00010cf2\U000118a0-\U000118df" \
	"\U0001e900-\U0001e943"
/* clang-format on */
#define DEEPSEEK_WIDE "split [\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+\n"

/*
 * The steps are those of the model named first, as its tokenizer.json (or, where it has none, its
 * tokenization_*.py) was published; others that share the rule are in the table below.
 */
static const struct splitter splitters[] = {
	{
		/* meta-llama/Meta-Llama-3-8B; microsoft/phi-4, granite-4.0 (second spelling) */
		.name = "llama3",
		.steps = {"split " WORDS("\\p{N}{1,3}"), "match " WORDS("\\p{N}{1,3}")},
		.split = splitter_llama3,
	},
	{
		/* Qwen/Qwen1.5-7B to Qwen3; inclusionAI/Ling-lite (second: possessive or single
		 * where nothing could be given back) */
		.name = "qwen2",
		.steps = {"split " WORDS("\\p{N}"),
			"split '(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+|\\p{N}|"
			" ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+",
			"match " WORDS("\\p{N}")},
		.split = splitter_qwen2,
	},
	{
		/* Qwen/Qwen3.5-9B: marks are letters */
		.name = "qwen35",
		.steps = {"split (?i:" CONTRACTIONS ")|" PREFIX "[\\p{L}\\p{M}]+|\\p{N}|"
			  " ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*" SPACE_TAIL},
		.split = splitter_qwen35,
	},
	{
		/* ByteDance-Seed/Seed-Coder-8B-Base */
		.name = "seed-coder",
		.steps = {"split (?i:" CONTRACTIONS ")|" PREFIX "\\p{L}+|\\p{N}{1}|"
			  " ?[^\\s\\p{L}\\p{N}\\r\\n]+" SPACE_TAIL},
		.split = splitter_seed_coder,
	},
	{
		/* openbmb/MiniCPM5-1B: unlike llama3's, numbers end the white space before them */
		.name = "minicpm5",
		.steps = {"split \\p{N}{1,3}\nsplit " WORDS("\\p{N}+")},
		.split = splitter_minicpm5,
	},
	{
		/* openai/gpt-oss-20b, meta-llama/Llama-4-Scout; MiniMaxAI/MiniMax-M2 (second) */
		.name = "o200k",
		.steps = {"split " O200K, "match " O200K},
		.split = splitter_o200k,
	},
	{
		/* mistralai/Mistral-Nemo-Base-2407 */
		.name = "tekken",
		.steps = {"split " CASES("", "") "\\p{N}" CASES_TAIL,
			"match " CASES("", "") "\\p{N}" CASES_TAIL},
		.split = splitter_tekken,
	},
	{
		/* moonshotai/Kimi-K2-Base */
		.name = "kimi-k2",
		.steps = {"split [\\p{Han}]+|" CASES(NOT_HAN, BEHIND) "\\p{N}{1,3}|" WORDS_TAIL},
		.split = splitter_kimi,
	},
	{
		/* openai-community/gpt2, EleutherAI/gpt-neox-20b, microsoft/phi-2 */
		.name = "gpt2",
		.steps = {"gpt2", "split " CONTRACTIONS GPT2_TAIL,
			"split '(?:[sdmt]|ll|ve|re)" GPT2_TAIL},
		.split = splitter_gpt2,
	},
	{
		/* bigcode/starcoder2-3b, HuggingFaceTB/SmolLM-135M, c4ai-command-r-v01 */
		.name = "smollm",
		.steps = {"digits\ngpt2"},
		.split = splitter_digits_gpt2,
	},
	{
		/* tiiuae/falcon-7b */
		.name = "falcon",
		.steps = {"punctuation runs\ngpt2\ndigit runs\nsplit [0-9][0-9][0-9]"},
		.split = splitter_falcon,
	},
	{
		/* tiiuae/Falcon3-7B-Base */
		.name = "falcon3",
		.steps = {"punctuation runs\ngpt2\ndigits"},
		.split = splitter_falcon3,
	},
	{
		/* bigscience/bloom, LumiOpen/Poro-34B-chat; within [ ] Oniguruma nests another */
		.name = "bloom",
		.steps = {"split  ?[^(\\s|[.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c])]+"},
		.split = splitter_bloom,
	},
	{
		/* LumiOpen/Viking-7B */
		.name = "viking",
		.steps = {"split  ?[^(\\s|[.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c])]+\n"
			  "digits"},
		.split = splitter_viking,
	},
	{
		/* deepseek-ai/DeepSeek-V3, -R1 */
		.name = "deepseek-v3",
		.steps = {"split \\p{N}{1,3}\nsplit [\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+\n"
			  "split [!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|"
			  "[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+|"
			  " ?[\\p{P}\\p{S}]+[\\r\\n]*" SPACE_TAIL},
		.split = splitter_deepseek_v3,
	},
	{
		/* deepseek-ai/deepseek-coder-6.7b-base */
		.name = "deepseek-coder",
		.steps = {"split [\\r\\n]\nsplit \\s?\\p{L}+\nsplit \\s?\\p{P}+\n" DEEPSEEK_WIDE
			  "digits"},
		.split = splitter_deepseek_coder,
	},
	{
		/* deepseek-ai/deepseek-llm-7b-base, DeepSeek-V2 */
		.name = "deepseek-llm",
		.steps =
			{"split [\\r\\n]\nsplit \\s?[" DEEPSEEK_LETTERS "]+\n"
			 "split \\s?[!-/:-~\uff01-\uff0f\uff1a-\uff5e\u2018-\u201f\u3000-\u3002]+\n"
			 "split \\s+$\n" DEEPSEEK_WIDE "digits"},
		.split = splitter_deepseek_llm,
	},
};

/*
 * The splitters are the published ones: gigachat's is o200k's and falcon3's its own, although the
 * engine that the names come from takes gpt2 and llama3 for them. The defaults are that engine's,
 * because the files were made for it.
 */
static const struct splitter_gguf gguf_names[] = {
	{"llama-bpe", "llama3", 1, 1},
	{"llama3", "llama3", 1, 1},
	{"llama-v3", "llama3", 1, 1},
	{"lfm2", "llama3", 1, 1},
	{"midm-2.0", "llama3", 1, 1},
	{"pixtral", "llama3", 1, 1},
	{"dbrx", "llama3", 0, 0},
	{"chatglm-bpe", "llama3", 0, 0},
	{"glm4", "llama3", 0, 0},
	{"smaug-bpe", "llama3", 0, 0},
	{"qwen2", "qwen2", 0, 0},
	{"bailingmoe", "qwen2", 0, 0},
	{"bailingmoe2", "qwen2", 0, 0},
	{"deepseek-r1-qwen", "qwen2", 0, 0},
	{"grok-2", "qwen2", 0, 0},
	{"hunyuan", "qwen2", 0, 0},
	{"kormo", "qwen2", 0, 0},
	{"llada-moe", "qwen2", 0, 0},
	{"megrez", "qwen2", 0, 0},
	{"openpangu", "qwen2", 0, 0},
	{"solar-open", "qwen2", 0, 0},
	{"stablelm2", "qwen2", 0, 0},
	{"qwen35", "qwen35", 0, 0},
	{"seed-coder", "seed-coder", 0, 0},
	{"minicpm5", "minicpm5", 0, 0},
	{"gpt-4o", "o200k", 0, 0},
	{"llama4", "o200k", 0, 0},
	{"gigachat", "o200k", 0, 0},
	{"kanana2", "o200k", 0, 0},
	{"minimax-m2", "o200k", 0, 0},
	{"tekken", "tekken", 1, 1},
	{"kimi-k2", "kimi-k2", 0, 0},
	{"gpt-2", "gpt2", 0, 0},
	{"gpt2", "gpt2", 0, 0},
	{"a.x-4.0", "gpt2", 0, 0},
	{"exaone4", "gpt2", 0, 0},
	{"granite-docling", "gpt2", 0, 0},
	{"jais", "gpt2", 0, 0},
	{"mellum", "gpt2", 0, 0},
	{"mpt", "gpt2", 0, 0},
	{"olmo", "gpt2", 0, 0},
	{"phi-2", "gpt2", 0, 0},
	{"trillion", "gpt2", 0, 0},
	{"smollm", "smollm", 0, 0},
	{"starcoder", "smollm", 0, 0},
	{"refact", "smollm", 0, 0},
	{"command-r", "smollm", 0, 0},
	{"codeshell", "smollm", 0, 0},
	{"exaone", "smollm", 0, 0},
	{"mellum2", "smollm", 0, 0},
	{"falcon", "falcon", 0, 0},
	{"falcon3", "falcon3", 1, 1},
	{"bloom", "bloom", 0, 0},
	{"gpt3-finnish", "bloom", 0, 0},
	{"poro-chat", "bloom", 0, 0},
	{"viking", "viking", 0, 0},
	{"deepseek-v3", "deepseek-v3", 0, 0},
	{"hunyuan-dense", "deepseek-v3", 0, 0},
	{"joyai-llm", "deepseek-v3", 0, 0},
	{"deepseek-coder", "deepseek-coder", 0, 0},
	{"deepseek-llm", "deepseek-llm", 0, 0},
};

const struct splitter_gguf *splitter_gguf_find(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(gguf_names); i++) {
		const char *known = gguf_names[i].name;

		if (strlen(known) == len && !memcmp(known, name, len)) {
			return &gguf_names[i];
		}
	}
	return NULL;
}

const struct splitter_gguf *splitter_gguf_of(const struct splitter *splitter, int ignore_merges)
{
	const struct splitter_gguf *found = NULL;

	for (size_t i = 0; i < ARRAY_LEN(gguf_names); i++) {
		const struct splitter_gguf *name = &gguf_names[i];

		if (!strcmp(name->splitter, splitter->name) &&
			(!found || (found->ignore_merges != ignore_merges &&
					   name->ignore_merges == ignore_merges))) {
			found = name;
		}
	}
	return found;
}

const struct splitter *splitter_by_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(splitters); i++) {
		if (!strcmp(splitters[i].name, name)) {
			return &splitters[i];
		}
	}
	return NULL;
}

const struct splitter *splitter_by_steps(const char *steps)
{
	for (size_t i = 0; i < ARRAY_LEN(splitters); i++) {
		for (size_t k = 0; k < SPLITTER_SPELLINGS && splitters[i].steps[k]; k++) {
			if (!strcmp(splitters[i].steps[k], steps)) {
				return &splitters[i];
			}
		}
	}
	return NULL;
}

const struct splitter *splitter_at(size_t index)
{
	return index < ARRAY_LEN(splitters) ? &splitters[index] : NULL;
}

const struct splitter_gguf *splitter_gguf_at(size_t index)
{
	return index < ARRAY_LEN(gguf_names) ? &gguf_names[index] : NULL;
}

void splitter_list(struct buf *out)
{
	struct buf names = BUF_INIT;

	for (size_t i = 0; i < ARRAY_LEN(splitters); i++) {
		buf_additem(&names, splitters[i].name);
	}
	buf_addstr(out, buf_str(&names));
	buf_finish(&names);
}
