#include "cli/session_json.h"

#include "cli/inputs.h"
#include "cli/output.h"

json_t *session_json_sources(const struct session *session)
{
	json_t *list = json_array();

	for (size_t i = 0; i < session_source_count(session); i++) {
		struct session_source source = session_source_at(session, i);
		json_t *item = json_object();

		json_object_set_new(item, "id", output_json_string(source.id));
		json_object_set_new(item, "path", output_json_string(source.path));
		json_object_set_new(item, "kind", output_json_string(source.kind));
		json_object_set_new(item, "tokens",
			source.tokens < 0 ? json_null() : json_integer(source.tokens));
		json_array_append_new(list, item);
	}
	return list;
}

json_t *session_json_skipped(const struct session *session)
{
	size_t count;
	const struct skipped *skipped = session_skipped(session, &count);

	return inputs_json_skipped(skipped, count);
}

/* A number where the source has such a thing, else null. */
static json_t *number_or_null(int64_t value, int has)
{
	return has ? json_integer(value) : json_null();
}

json_t *session_json_citations(const struct session_answer *answer)
{
	json_t *list = json_array();

	for (size_t i = 0; i < answer->n_citation; i++) {
		const struct citation *citation = &answer->citation[i];
		json_t *item = json_object();

		json_object_set_new(item, "text", output_json_string(citation->text));
		json_object_set_new(item, "source", output_json_string(citation->source));
		json_object_set_new(item, "path", output_json_string(citation->path));
		json_object_set_new(
			item, "page", number_or_null(citation->page, citation->page > 0));
		json_object_set_new(item, "label", output_json_string(citation->label));
		json_object_set_new(item, "time",
			citation->time_ms >= 0
				? output_json_number((double)citation->time_ms / 1000)
				: json_null());
		json_object_set_new(item, "speaker", output_json_string(citation->speaker));
		json_object_set_new(item, "line_first",
			number_or_null(citation->line_first, citation->line_first > 0));
		json_object_set_new(item, "line_last",
			number_or_null(citation->line_last, citation->line_last > 0));
		json_object_set_new(
			item, "verdict", output_json_string(verdict_name(citation->verdict)));
		json_array_append_new(list, item);
	}
	return list;
}

json_t *session_json_usage(const struct engine_usage *usage)
{
	json_t *object = json_object();

	json_object_set_new(object, "prompt_tokens", json_integer(usage->prompt_tok));
	json_object_set_new(object, "cached_tokens", json_integer(usage->cached_tok));
	json_object_set_new(object, "disk_tokens", json_integer(usage->disk_tok));
	json_object_set_new(object, "prefill_tokens", json_integer(usage->prefill_tok));
	json_object_set_new(object, "generated_tokens", json_integer(usage->generated_tok));
	json_object_set_new(object, "thinking_tokens", json_integer(usage->thinking_tok));
	return object;
}

json_t *session_json_cost(const struct session_cost *cost)
{
	json_t *object = json_object();

	json_object_set_new(object, "total_tokens", json_integer(cost->total_tok));
	json_object_set_new(object, "cached_tokens", json_integer(cost->cached_tok));
	json_object_set_new(object, "disk_tokens", json_integer(cost->disk_tok));
	json_object_set_new(object, "new_tokens", json_integer(cost->total_tok - cost->cached_tok));
	json_object_set_new(object, "seconds",
		cost->seconds < 0 ? json_null() : output_json_number(cost->seconds));
	return object;
}
