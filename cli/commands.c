#include "cli/commands.h"

#include "base/mem.h"

#include <string.h>

const struct command command_table[] = {
	{"", COMMAND_CHAT, "[OPTIONS] [PATH...]", NULL, "talk about the files: the line-mode chat",
		command_chat},
	{"ask", COMMAND_ASK, "[OPTIONS] QUESTION [PATH...]", NULL,
		"answer one question from the files, with checked quotes", command_ask},
	{"bench", COMMAND_BENCH, "[OPTIONS]", NULL,
		"measure prefill and decode tokens per second at depths", command_bench},
	{"config", COMMAND_CONFIG, "[OPTIONS]", NULL,
		"show every setting, its value and where it comes from", command_config},
	{"count", COMMAND_COUNT, "[OPTIONS] PATH...", NULL, "count the tokens of files",
		command_count_tokens},
	{"eval", COMMAND_EVAL, "[OPTIONS] logits|perplexity|quote [PATH...]",
		"logits perplexity quote",
		"write the logits of token ids (logits --tokens FILE --out FILE), measure "
		"perplexity on texts (perplexity FILE...), or measure how well a model finds and "
		"quotes what answers questions about documents (quote DIR...)",
		command_eval},
	{"kv", COMMAND_KV, "[OPTIONS] ls|gc|verify|rm", "gc ls rm verify",
		"list the computed KV that is kept on disk (ls), bring it down to its limit (gc), "
		"check it (verify), or remove it (rm --all, rm -s NAME); see carrel-sessions(7)",
		command_kv},
	{"load", COMMAND_LOAD, "[OPTIONS] -s NAME [PATH...]", NULL,
		"add files to a session, read them again, or take them out, and say first what "
		"that costs",
		command_load},
	{"models", COMMAND_MODELS, "[OPTIONS] ls|info|add|convert|rm [PATH|NAME] [OUT]",
		"add convert info ls rm",
		"list models (ls), describe one (info NAME), register one under a name (add "
		"PATH), forget a name (rm NAME), or write one again in another storage type "
		"(convert PATH|NAME OUT.gguf)",
		command_models},
	{"sessions", COMMAND_SESSIONS,
		"[OPTIONS] ls|show|search|rm|rename|fork|export|import|pin|unpin|verify|repair "
		"[ARGUMENT...]",
		"export fork import ls pin rename repair rm search show unpin verify",
		"list sessions (ls), show what is in one (show NAME [TURN]), search them (search "
		"WORDS), remove, rename, copy, export, import, pin, check or repair one; see "
		"carrel-sessions(7)",
		command_sessions},
	{"tokenize", COMMAND_TOKENIZE, "[OPTIONS] [FILE]", NULL,
		"print the token ids of a text, one per line", command_tokenize},
};

size_t command_count(void)
{
	return ARRAY_LEN(command_table);
}

const struct command *command_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(command_table); i++) {
		if (strcmp(command_table[i].name, name) == 0) {
			return &command_table[i];
		}
	}
	return NULL;
}
