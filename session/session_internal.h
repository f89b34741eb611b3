/*
 * A session from inside: what it holds in memory, and what its rooms share. session.c: its life and
 * its settings; sources.c: blocks and how they are packed; context.c: prompts and texts; change.c:
 * changes, planned and made; load.c, refresh.c, repack.c: what they are made of; turns.c: the tree;
 * cost.c, ask.c: what an engine is asked; read.c: of more than its window holds.
 *
 * Everything that lasts is changed in this order: the new state is made beside the old one, handed to
 * the store, and taken over when it is there. So a commit that fails leaves the session as it was.
 */
#ifndef SESSION_SESSION_INTERNAL_H
#define SESSION_SESSION_INTERNAL_H

#include "session/desk_text.h"
#include "session/pack.h"
#include "session/session.h"

/* A source, or an update of one: as it is stored, and as it is packed. */
struct block {
	struct store_block stored; /* its document is that of `text` */
	struct desk_text *text;    /* NULL once it was dropped: what is left is its own */
	char id[24];               /* "S1": of the source that it is, or updates */
	struct prompt packed[3];   /* by enum pack_before; made when it is needed */
	struct cite_index *index;
	int is_in_context;
	size_t n_update; /* of a source: those in the context */
};

/* A message of the user's and its answer. */
struct turn {
	struct store_turn stored;
	struct segment *alone, *behind; /* the question as its message, or with text before it */
	struct segment *ids;            /* the answer as it was sampled, thoughts included */
	struct segment *text;           /* and for an engine with another tokenizer */
	size_t n_child;
	int is_current;
};

struct session {
	struct store *store;
	char *system;
	int no_cite, free_quotes, no_think;
	struct prompt instructions;
	struct store_setting *setting;
	size_t n_setting, cap_setting;
	struct block **block; /* by id; those that were dropped, too */
	size_t n_block, cap_block;
	struct block **source; /* those that are sources, by number */
	size_t n_source;
	struct turn **turn; /* by id */
	size_t n_turn, cap_turn;
	struct store_place *place;
	size_t n_place;
	int64_t head;
	char *draft;
	uint64_t revision;            /* counts changes of what prompts are made of */
	struct session_window window; /* window_tok 0: any load fits */
	size_t under_way; /* most requests of a sweep at one time; 0: as the engine likes it */
	struct library *library; /* as it was asked for last; see session/library.h */
	struct skipped *skipped;
	size_t n_skipped, cap_skipped;
};

/* ---- session.c ---- */

/* Who the KV of this session belongs to; NULL: nobody. */
const char *session_owner(const struct session *session);
/* In memory; the store has it. */
void session_keep_setting(struct session *session, const char *key, const char *value);

/* ---- sources.c ---- */

/* Takes the document over. */
struct block *block_create(int64_t id, int64_t number, int is_update, struct document *document);
/* Of one that is stored, which leaves *stored. */
struct block *block_adopt(struct store_block *stored);
void block_destroy(struct block *block); /* NULL-safe */
/* Its text is gone; what stays are kind, name and origin. */
void block_drop(struct block *block);
/* What it is in a prompt, behind what stands before it. The segments live as long as the block. */
const struct prompt *block_packed(struct block *block, enum pack_before before);
struct block *session_block(const struct session *session, int64_t id); /* NULL: there is none */
/* Its source; NULL where there is none of that number, any more. */
struct block *session_source_block(const struct session *session, int64_t number);
/* Make the lists that follow from others: sources, children, what is current. */
void session_index(struct session *session);
/* A number for a new source: never one that was used. */
int64_t session_next_number(const struct session *session);
int64_t session_next_block(const struct session *session);

/* Put into the list of what was left out; both are taken over. */
void session_skip(struct session *session, char *path, char *reason, int is_unreadable);

/* ---- context.c ---- */

/* A session as it is (see view_of()), or as a change would make it. */
struct view {
	const struct session *session;
	struct block *const *added; /* which it does not have yet */
	size_t n_added;
	const struct store_place *place;
	size_t n_place;
};
struct view view_of(const struct session *session);

/* A block of the context, where it stands there. */
struct standing {
	struct block *block;
	int64_t turn; /* or STORE_FRONT, STORE_WAITING */
	enum pack_before before;
};
/*
 * The blocks that the next question has before it, in their order: in front, those of the turns on
 * the way to the head, and those that wait. An update that waits while its source is not among them
 * (it stands on another branch) goes on waiting. malloc'ed.
 */
struct standing *view_standing(const struct view *view, size_t *count);
/* Everything up to where the next question would begin. */
void view_prompt(const struct view *view, const struct engine_info *info, struct prompt *out);
/* Instructions and what stands in front. */
void session_front(const struct session *session, struct prompt *out);
/* A turn without the texts that stand at its head; `is_behind`: in a message that is open, behind others. */
void context_add_turn(
	const struct turn *turn, int is_behind, const struct engine_info *info, struct prompt *out);
struct segment *context_question(const char *question, size_t len, int is_behind);
/* A model that cannot be kept from thinking begins as it always does, in its thoughts. */
enum prompt_mark context_answer_mark(const struct session *session, const struct engine_info *info);

/* ---- cost.c ---- */

int session_is_stopped(const struct session_watch *watch);
/* The next event, told to the watch, too; waits no longer than a stop may go unnoticed. 1 or 0. */
int session_next(
	struct engine *engine, const struct session_watch *watch, struct engine_event *event);
int session_interrupted(struct err *err); /* -1, ERR_INTERRUPTED */
/* Wait for the answer to a question about tokens. A stop is ERR_INTERRUPTED. */
int session_await(struct engine *engine, int64_t request, const struct session_watch *watch,
	struct engine_event *event, struct err *err);
int session_count_prompt(struct engine *engine, const struct prompt *prompt,
	const struct session_watch *watch, int64_t *total_tok, struct err *err);

/* ---- ask.c ---- */

/* What comes of a request. */
struct session_reply {
	struct buf text, thinking;
	int64_t thinking_tok;
	int is_thinking; /* when it stopped */
	struct buf ids;
	int is_ours; /* no model said it */
	enum engine_stop stop;
	struct engine_usage usage;
};
void session_reply_finish(struct session_reply *reply);
/*
 * Ask and listen until it ends. A prompt that does not fit is ERR_CONTEXT: "WHAT are ... tokens"; NULL: it
 * is known to fit.
 */
int session_request(struct engine *engine, const struct engine_request *request, const char *what,
	const struct session_watch *watch, struct session_reply *reply, struct err *err);
/* What is being asked is the draft until it is answered. */
int session_keep_question(
	struct session *session, const char *question, size_t question_len, struct err *err);
/*
 * The turn, kept before it is shown as done, with the citations and the coverage that *answer has
 * already; the rest of *answer is taken from *reply.
 */
int session_keep_answer(struct session *session, const struct engine_info *info,
	const char *question, size_t question_len, struct session_reply *reply,
	struct session_answer *answer, struct err *err);

struct citation *session_copy_citations(const struct citation *citation, size_t count);

/* ---- read.c ---- */

/* How much text select reads; 0: as the model has it. */
int64_t session_select_tok(const struct engine_info *info, int64_t asked_tok);

/* ---- turns.c ---- */

/* Takes *stored over. */
struct turn *turn_adopt(struct store_turn *stored, int is_imported);
void turn_destroy(struct turn *turn);                                       /* NULL-safe */
struct turn *session_turn_by_id(const struct session *session, int64_t id); /* NULL: none */
/* The turns from the first to the head; malloc'ed. */
struct turn **session_current(const struct session *session, size_t *count);
int64_t session_next_turn(const struct session *session);
/* The places once the blocks that wait stand at the head of a new turn `id`; malloc'ed. */
struct store_place *session_places_asked(const struct session *session, int64_t id, size_t *count);

/* ---- change.c ---- */

struct session_change {
	struct session *session;
	uint64_t revision;
	struct block **added;
	size_t n_added, cap_added;
	int64_t *dropped;
	size_t n_dropped, cap_dropped;
	struct store_place *place; /* all of them */
	size_t n_place, cap_place;
	struct store_setting *setting;
	size_t n_setting, cap_setting;
	char **text; /* a line for each thing it does */
	size_t n_text, cap_text;
};
/* A change that does nothing yet. */
struct session_change *change_create(struct session *session);
struct view change_view(const struct session_change *change);
/* Takes the document over; it has no place yet. */
struct block *change_add_block(
	struct session_change *change, int64_t number, int is_update, struct document *document);
/* Both take the document over and place it where the next one goes; the number of the source. */
int64_t change_add_source(struct session_change *change, struct document *document);
void change_add_update(struct session_change *change, int64_t number, struct document *document);
void change_add_place(struct session_change *change, int64_t turn, int64_t block);
/* No place has the block any more. */
void change_remove_places(struct session_change *change, int64_t block);
void change_drop_block(struct session_change *change, int64_t block);
/* How source `number` was read. */
void change_forget_options(struct session_change *change, int64_t number);
void change_say(struct session_change *change, char *text); /* takes it over */

#endif
