#include "cli/options.h"

#include "base/mem.h"

#define FIELD(name) offsetof(struct options, name)

enum {
	ENGINE = COMMAND_CHAT | COMMAND_ASK | COMMAND_BENCH | COMMAND_EVAL | COMMAND_CONFIG |
		 COMMAND_LOAD,
	PLANNED = ENGINE | COMMAND_COUNT, /* count --plan asks the engine */
	MODEL = ENGINE | COMMAND_COUNT | COMMAND_TOKENIZE,
	ANSWER = COMMAND_CHAT | COMMAND_ASK | COMMAND_CONFIG,
	KEEP = ANSWER | COMMAND_LOAD,
	READING = KEEP | COMMAND_COUNT | COMMAND_EVAL,
	LOAD = COMMAND_CHAT | COMMAND_ASK | COMMAND_COUNT | COMMAND_LOAD,
	SHELF = COMMAND_SESSIONS | COMMAND_KV,
};

/* In the order of the manual page. */
const struct option_row option_table[] = {
	{"model", 'm', OPTION_TEXT, "PATH|NAME", FIELD(model), MODEL, MEMORY_SESSION, NULL,
		"the model: a GGUF file, a Hugging Face directory, or a name that `carrel models "
		"ls` shows"},
	{"context", 'c', OPTION_WHOLE, "N", FIELD(context_tok), ENGINE | COMMAND_COUNT,
		MEMORY_SESSION, "0",
		"tokens of context (0: the model's own window, as far as memory allows)"},
	{"threads", 't', OPTION_WHOLE, "N", FIELD(n_thread), PLANNED | COMMAND_MODELS,
		MEMORY_SESSION, "0", "threads that compute, at most 4096 (0: one per core)"},
	{"device", 0, OPTION_CHOICE, "auto|cpu|fake", FIELD(device), PLANNED, MEMORY_SESSION,
		"auto", "where to compute; fake answers without computing anything, for tests"},
	{"kv-type", 0, OPTION_CHOICE, "q8|f16|f32", FIELD(kv_type), PLANNED, MEMORY_SESSION, "q8",
		"how the KV cache is stored"},
	{"template", 0, OPTION_CHOICE,
		"carrel|chatml|command-a|command-r|deepseek-r1|deepseek-r1-v0|deepseek-v2|"
		"deepseek-v3|deepseek-v3.1|gemma|gpt-oss|llama2|llama3|llama4|mistral-v0|"
		"mistral-v1|mistral-v3|mistral-v3-tekken|mistral-v7|mistral-v7-spm|phi3|"
		"phi3-no-system|phi4|phi4-mini|qwen3|qwen3-thinking|qwen3.5",
		FIELD(template_name), PLANNED, MEMORY_SESSION, NULL,
		"chat template, where the model's own is not recognised"},
	{"adapter", 0, OPTION_LIST, "PATH[:SCALE]", FIELD(adapters), PLANNED, MEMORY_SESSION, NULL,
		"a LoRA adapter of the model, a GGUF file or a folder of PEFT's; up to 8 of them "
		"add up, each times its scale (1 where none is given)"},
	{"system", 0, OPTION_TEXT, "TEXT|@FILE", FIELD(system), KEEP, MEMORY_SESSION, NULL,
		"instructions of your own, after the fixed ones"},
	{"no-think", 0, OPTION_FLAG, NULL, FIELD(no_think), ANSWER, MEMORY_SESSION, NULL,
		"answer at once, where the model would think first and can be kept from it"},
	{"no-cite", 0, OPTION_FLAG, NULL, FIELD(no_cite), KEEP, MEMORY_SESSION, NULL,
		"do not ask the model for citations"},
	{"free-quotes", 0, OPTION_FLAG, NULL, FIELD(free_quotes), ANSWER, MEMORY_SESSION, NULL,
		"let the model quote what does not stand in the sources; it is said all the same "
		"which quotes were not found"},
	{"over", 0, OPTION_CHOICE, "fail|sweep|select|auto", FIELD(over), KEEP | COMMAND_EVAL,
		MEMORY_SESSION, "fail",
		"what to do with more text than the context holds: fail ends with status 3, sweep "
		"reads all of it window by window, select reads what the question seems to be "
		"about, auto selects and sweeps where that does not answer; the chat and load "
		"behave as with auto unless it is given; see carrel-reading(7)"},
	{"window", 0, OPTION_WHOLE, "N", FIELD(window_tok), READING, MEMORY_SESSION, "0",
		"most tokens of text in a window that is read at once, 256 at least (0: as suits "
		"the model)"},
	{"select", 0, OPTION_WHOLE, "N", FIELD(select_tok), READING, MEMORY_SESSION, "0",
		"most tokens of passages that --over select reads (0: as suits the model)"},
	{"embed", 0, OPTION_TEXT, "self|none|MODEL", FIELD(embed), READING, MEMORY_SESSION, "none",
		"find passages also by meaning: with vectors of the model that answers (self) or "
		"of an embedding model"},
	{"seed", 0, OPTION_WHOLE, "N", FIELD(seed), ANSWER | COMMAND_EVAL, MEMORY_SESSION, "0",
		"seed of the random numbers: the same seed gives the same answer, bit for bit on "
		"processors with the same instruction sets"},
	{"temp", 0, OPTION_NUMBER, "X", FIELD(temperature), ANSWER, MEMORY_SESSION, "0",
		"temperature (0: always the likeliest token)"},
	{"top-k", 0, OPTION_WHOLE, "N", FIELD(top_k), ANSWER, MEMORY_SESSION, "0",
		"sample from the N likeliest tokens only (0: off)"},
	{"top-p", 0, OPTION_NUMBER, "X", FIELD(top_p), ANSWER, MEMORY_SESSION, "1",
		"sample from the likeliest tokens that together have probability X (1: off)"},
	{"min-p", 0, OPTION_NUMBER, "X", FIELD(min_p), ANSWER, MEMORY_SESSION, "0",
		"leave out tokens less likely than X times the likeliest (0: off)"},
	{"repeat-penalty", 0, OPTION_NUMBER, "X", FIELD(repeat_penalty), ANSWER, MEMORY_SESSION,
		"1", "divide the odds of tokens of the recent past by X (1: off)"},
	{"repeat-last", 0, OPTION_WHOLE, "N", FIELD(repeat_last), ANSWER, MEMORY_SESSION, "64",
		"how many tokens the recent past has"},
	{"max-tokens", 'n', OPTION_WHOLE, "N", FIELD(max_tok), ANSWER, MEMORY_SESSION, "1024",
		"most tokens of an answer"},
	{"session", 's', OPTION_TEXT, "NAME", FIELD(session), KEEP, MEMORY_NONE, NULL,
		"the session to go on with, made where there is none of that name; the options "
		"given with it are remembered in it"},
	{"session", 's', OPTION_TEXT, "NAME", FIELD(session), SHELF, MEMORY_NONE, NULL,
		"sessions search, kv rm: of this session alone"},
	{"no-store", 0, OPTION_FLAG, NULL, FIELD(no_store), ANSWER, MEMORY_FILE, NULL,
		"write nothing at all to disk: no session, and no KV of what was read"},
	{"kv-limit", 0, OPTION_WHOLE, "BYTES", FIELD(kv_limit_bytes),
		KEEP | COMMAND_KV | COMMAND_EVAL, MEMORY_FILE, "0",
		"most bytes of disk that computed KV may take, such as 20G (0: a fifth of what is "
		"free); the settings file calls it kv.disk_limit"},
	{"include", 0, OPTION_LIST, "GLOB", FIELD(include), LOAD, MEMORY_NONE, NULL,
		"of folders, read only files that match one of these patterns, written as in a "
		".gitignore; may be given several times"},
	{"exclude", 0, OPTION_LIST, "GLOB", FIELD(exclude), LOAD, MEMORY_NONE, NULL,
		"of folders, leave out what matches one of these patterns; may be given several "
		"times"},
	{"include-secrets", 0, OPTION_FLAG, NULL, FIELD(include_secrets), LOAD, MEMORY_NONE, NULL,
		"of folders, read files that look like keys or passwords, too"},
	{"drop-headers", 0, OPTION_FLAG, NULL, FIELD(drop_headers), LOAD, MEMORY_NONE, NULL,
		"leave out the headers and footers that repeat from page to page of a PDF"},
	{"layout", 0, OPTION_FLAG, NULL, FIELD(layout), LOAD, MEMORY_NONE, NULL,
		"read a PDF's lines as they stand on the page, so that the rows of tables stay "
		"whole (and columns of prose side by side), not in reading order"},
	{"from-file", 0, OPTION_LIST, "LIST", FIELD(from_file), LOAD, MEMORY_NONE, NULL,
		"also load the paths that stand in the file LIST, one on each line (-: standard "
		"input); may be given several times"},
	{"null", '0', OPTION_FLAG, NULL, FIELD(ends_with_nul), LOAD, MEMORY_NONE, NULL,
		"the paths of --from-file end with NUL bytes, as find -print0 writes them"},
	{"unsafe-loaders", 0, OPTION_FLAG, NULL, FIELD(unsafe_loaders), LOAD, MEMORY_NONE, NULL,
		"read files even where this system cannot shut in what parses them; without it "
		"such a load is refused"},
	{"show-context", 0, OPTION_FLAG, NULL, FIELD(show_context), COMMAND_ASK, MEMORY_NONE, NULL,
		"print the text that the model would read, and do not ask"},
	{"show-tokens", 0, OPTION_FLAG, NULL, FIELD(show_tokens), COMMAND_ASK, MEMORY_NONE, NULL,
		"print the tokens that the model would read, each as its id, a tab and its text "
		"(controls shown), and do not ask"},
	{"strict", 0, OPTION_FLAG, NULL, FIELD(strict), COMMAND_ASK | COMMAND_CONFIG, MEMORY_FILE,
		NULL, "end with status 5 unless every quote of the answer is verified or moved"},
	{"partial", 0, OPTION_FLAG, NULL, FIELD(partial), COMMAND_ASK | COMMAND_LOAD, MEMORY_NONE,
		NULL, "go on even if some inputs cannot be read (the status is 6 all the same)"},
	{"fork", 0, OPTION_WHOLE, "TURN", FIELD(fork_turn), COMMAND_ASK, MEMORY_NONE, "0",
		"ask in place of this turn of the session, beside what was said there; without a "
		"QUESTION the same one again (0: go on from the last turn)"},
	{"refresh", 0, OPTION_FLAG, NULL, FIELD(refresh), COMMAND_LOAD, MEMORY_NONE, NULL,
		"read the sources again: what changed follows as an update"},
	{"repack", 0, OPTION_FLAG, NULL, FIELD(repack), COMMAND_LOAD, MEMORY_NONE, NULL,
		"gather late sources and updates in front of everything again"},
	{"drop", 0, OPTION_LIST, "S2,...", FIELD(drop), COMMAND_LOAD, MEMORY_NONE, NULL,
		"take these sources out of the session, their text for good"},
	{"prefill", 0, OPTION_FLAG, NULL, FIELD(prefill), COMMAND_LOAD, MEMORY_NONE, NULL,
		"compute the KV of everything in front of the next question now; stopped at any "
		"moment, what was done is kept"},
	{"index", 0, OPTION_FLAG, NULL, FIELD(make_index), COMMAND_LOAD, MEMORY_NONE, NULL,
		"make the indices that --over select searches now, with --embed the vectors, too; "
		"stopped at any moment, what was done is kept"},
	{"yes", 'y', OPTION_FLAG, NULL, FIELD(yes), COMMAND_LOAD, MEMORY_NONE, NULL,
		"do not ask before something is dropped or gathered again"},
	{"prompt", 'p', OPTION_WHOLE, "N", FIELD(bench_prompt_tok), COMMAND_BENCH, MEMORY_NONE,
		"512", "tokens to prefill"},
	{"generate", 'n', OPTION_WHOLE, "N", FIELD(bench_generate_tok), COMMAND_BENCH, MEMORY_NONE,
		"64", "tokens to decode"},
	{"depth", 'd', OPTION_TEXT, "N,...", FIELD(bench_depths), COMMAND_BENCH, MEMORY_NONE, "0",
		"depths to measure at: tokens that stand in front"},
	{"repeat", 'r', OPTION_WHOLE, "N", FIELD(bench_repeats), COMMAND_BENCH, MEMORY_NONE, "3",
		"runs of each measurement; the median is printed"},
	{"top", 0, OPTION_WHOLE, "N", FIELD(top_n), COMMAND_COUNT, MEMORY_NONE, "0",
		"only the N largest files (0: all)"},
	{"sort", 0, OPTION_FLAG, NULL, FIELD(sort), COMMAND_COUNT, MEMORY_NONE, NULL,
		"the largest first, in each directory"},
	{"depth", 0, OPTION_WHOLE, "N", FIELD(depth), COMMAND_COUNT, MEMORY_NONE, "0",
		"show directories and files N levels deep (0: as deep as some forty lines "
		"allow)"},
	{"outline", 0, OPTION_FLAG, NULL, FIELD(outline), COMMAND_COUNT, MEMORY_NONE, NULL,
		"also what each section costs, of documents that have headings"},
	{"budget", 0, OPTION_WHOLE, "N", FIELD(budget_tok), COMMAND_COUNT, MEMORY_NONE, "0",
		"end with status 3 when the total is more than N tokens (0: off), and say which "
		"directories fit in N"},
	{"plan", 0, OPTION_FLAG, NULL, FIELD(plan), COMMAND_COUNT, MEMORY_NONE, NULL,
		"what it would cost to read it all now, and what select would read, instead of the "
		"files"},
	{"show", 0, OPTION_FLAG, NULL, FIELD(show), COMMAND_COUNT | COMMAND_LOAD, MEMORY_NONE, NULL,
		"print the packed text instead"},
	{"count", 0, OPTION_FLAG, NULL, FIELD(count_only), COMMAND_TOKENIZE, MEMORY_NONE, NULL,
		"print how many tokens, not their ids"},
	{"special", 0, OPTION_FLAG, NULL, FIELD(special), COMMAND_TOKENIZE, MEMORY_NONE, NULL,
		"read special tokens such as <|eot_id|> as what they are"},
	{"tokens", 0, OPTION_TEXT, "FILE", FIELD(tokens_file), COMMAND_EVAL, MEMORY_NONE, NULL,
		"eval logits: the ids to evaluate, as text (-: standard input)"},
	{"out", 0, OPTION_TEXT, "FILE", FIELD(out_file), COMMAND_EVAL, MEMORY_NONE, NULL,
		"eval logits: where the logits go (-: standard output)"},
	{"questions", 0, OPTION_WHOLE, "N", FIELD(n_question), COMMAND_EVAL, MEMORY_NONE, "100",
		"eval quote: questions at each length, one in four of them absent"},
	{"lengths", 0, OPTION_TEXT, "N,...", FIELD(lengths), COMMAND_EVAL, MEMORY_NONE, NULL,
		"eval quote: tokens of the whole prompt, where 512, 1024, 2048 ... up to -c (or "
		"8192) are not wanted"},
	{"ask", 0, OPTION_TEXT, "FILE", FIELD(questions_file), COMMAND_EVAL, MEMORY_NONE, NULL,
		"eval quote --over: ask the questions of this file, a JSON object on each line, "
		"and make none"},
	{"make-questions", 0, OPTION_FLAG, NULL, FIELD(make_questions), COMMAND_EVAL, MEMORY_NONE,
		NULL, "eval quote --over: print the questions, as --ask reads them, and ask none"},
	{"show-questions", 0, OPTION_FLAG, NULL, FIELD(show_questions), COMMAND_EVAL, MEMORY_NONE,
		NULL,
		"eval quote: print each question, what was expected, the answers and what came of "
		"them"},
	{"name", 0, OPTION_TEXT, "NAME", FIELD(model_name), COMMAND_MODELS, MEMORY_NONE, NULL,
		"models add: the name to give it (else the file's own)"},
	{"type", 0, OPTION_TEXT, "TYPE", FIELD(storage_type), COMMAND_MODELS, MEMORY_NONE, "Q8_0",
		"models convert: how to store the matrices, such as Q8_0, Q4_K or F16; what an "
		"answer depends on most keeps more bits"},
	{"format", 0, OPTION_CHOICE, "md|json|html", FIELD(format), COMMAND_SESSIONS, MEMORY_NONE,
		"md",
		"sessions export: a transcript (md), the same with the quoted lines of the "
		"sources in one file (html), or everything, for import (json)"},
	{"out", 0, OPTION_TEXT, "FILE", FIELD(out_file), COMMAND_SESSIONS, MEMORY_NONE, NULL,
		"sessions export: where it goes, a file that is not there yet (-: standard "
		"output)"},
	{"name", 0, OPTION_TEXT, "NAME", FIELD(model_name), COMMAND_SESSIONS, MEMORY_NONE, NULL,
		"sessions import: the name to give it (else the one that it had)"},
	{"hits", 'n', OPTION_WHOLE, "N", FIELD(n_hit), COMMAND_SESSIONS, MEMORY_NONE, "10",
		"sessions search: at most so many passages of the sources, and of the turns, of "
		"each session"},
	{"yes", 'y', OPTION_FLAG, NULL, FIELD(yes), COMMAND_SESSIONS, MEMORY_NONE, NULL,
		"sessions rm: remove without asking"},
	{"all", 0, OPTION_FLAG, NULL, FIELD(all), COMMAND_KV, MEMORY_NONE, NULL,
		"kv rm: everything, whoever it belongs to"},
	{"line", 0, OPTION_FLAG, NULL, FIELD(line), COMMAND_CHAT, MEMORY_NONE, NULL,
		"the line-mode chat in place of the workbench"},
	{"plain", 0, OPTION_FLAG, NULL, FIELD(plain), COMMAND_CHAT, MEMORY_NONE, NULL,
		"the same, which only appends, for screen readers and pipes"},
	{"theme", 0, OPTION_TEXT, "NAME|FILE", FIELD(theme), COMMAND_CHAT | COMMAND_CONFIG,
		MEMORY_FILE, "default", "the colours of the workbench; see carrel-config(5)"},
	{"json", 0, OPTION_FLAG, NULL, FIELD(json), COMMAND_ALL & ~COMMAND_CHAT, MEMORY_NONE, NULL,
		"print JSON on standard output"},
	{"quiet", 'q', OPTION_FLAG, NULL, FIELD(quiet), COMMAND_ALL, MEMORY_NONE, NULL,
		"say only errors on standard error"},
	{"verbose", 'v', OPTION_FLAG, NULL, FIELD(verbose), COMMAND_ALL, MEMORY_NONE, NULL,
		"say more on standard error"},
	{"help", 'h', OPTION_FLAG, NULL, FIELD(help), COMMAND_ALL, MEMORY_NONE, NULL,
		"show how to use carrel, or a command of it"},
	{"version", 0, OPTION_FLAG, NULL, FIELD(version), COMMAND_ALL, MEMORY_NONE, NULL,
		"show the version"},
};
_Static_assert(ARRAY_LEN(option_table) <= OPTIONS_MOST, "OPTIONS_MOST is too small");

size_t option_count(void)
{
	return ARRAY_LEN(option_table);
}
