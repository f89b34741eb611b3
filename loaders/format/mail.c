/*
 * E-mail: a message (.eml) or a mailbox of them (mbox), parsed by GMime, as mail_text.h writes it. Charsets
 * of texts are converted by encoding.h, whose converters are open; attachments are named, not read.
 */
#include "loaders/format/format.h"
#include "loaders/format/mail_text.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { PROBE_BYTES = 16384 };

/* ---- what is a message ---- */

static size_t line_length(const char *text, size_t len)
{
	const char *newline = memchr(text, '\n', len);

	return newline ? (size_t)(newline - text) + 1 : len;
}

/* "From ana@example.org Mon Jan  1 00:00:00 2020": a space, and a year at the end of the line. */
static size_t envelope_length(const char *text, size_t len)
{
	size_t line = line_length(text, len), end = line;

	if (len < 5 || strncmp(text, "From ", 5) != 0) {
		return 0;
	}
	while (end && isspace((unsigned char)text[end - 1])) {
		end--;
	}
	for (size_t at = 5; at + 5 <= end; at++) {
		if (text[at] == ':' && isdigit((unsigned char)text[at + 1]) &&
			isdigit((unsigned char)text[at - 1])) {
			return line;
		}
	}
	return 0;
}

/* Known names among the headers that a text begins with; 0 where it does not begin with headers. */
static int count_headers(const char *text, size_t len)
{
	static const char *const known[] = {"from", "to", "subject", "date", "message-id",
		"received", "mime-version", "return-path", "delivered-to", "content-type", "cc",
		"reply-to", "in-reply-to", "references", "list-id", "dkim-signature", "x-mailer"};
	int n = 0;

	for (size_t at = 0; at < len;) {
		size_t line = line_length(text + at, len - at), name = 0;

		if (text[at] == '\n' || text[at] == '\r') {
			return n;
		}
		if (text[at] != ' ' && text[at] != '\t') {
			while (name < line &&
				(isalnum((unsigned char)text[at + name]) ||
					text[at + name] == '-' || text[at + name] == '_')) {
				name++;
			}
			if (!name || name == line || text[at + name] != ':') {
				return 0;
			}
			for (size_t i = 0; i < ARRAY_LEN(known); i++) {
				n += strlen(known[i]) == name &&
				     strncasecmp(text + at, known[i], name) == 0;
			}
		} else if (at == 0) {
			return 0;
		}
		at += line;
	}
	return n;
}

static int is_mbox(const struct input *input)
{
	return envelope_length(input->data, input->len) > 0;
}

/*
 * By name and headers; without a telling name (a Maildir's, none at all, standard input) many
 * headers are asked for, since letters, patches and transcripts begin with a few, too.
 */
static int mail_probe(const struct input *input)
{
	static const char *const extension[] = {"eml", "mbox", "mbx", NULL};
	const char *slash = strrchr(input->path, '/');
	const char *name = slash ? slash + 1 : input->path;
	size_t len = input->len < PROBE_BYTES ? input->len : PROBE_BYTES;
	size_t envelope = envelope_length(input->data, len);
	int n = count_headers(input->data + envelope, len - envelope);

	if (format_has_extension(input, extension)) {
		return n ? 3 : 0;
	}
	return (!strchr(name, '.') || strstr(name, ":2,")) && n >= 5 ? 2 : 0;
}

/* ---- the loader ---- */

void mail_prepare(void)
{
	g_mime_init();
}

static void read_messages(struct mail_text *mail, const struct input *input)
{
	GMimeStream *stream = g_mime_stream_mem_new_with_buffer(input->data, input->len);
	GMimeParser *parser = g_mime_parser_new_with_stream(stream);

	g_mime_parser_set_format(parser, mail->is_mbox ? GMIME_FORMAT_MBOX : GMIME_FORMAT_MESSAGE);
	g_mime_parser_set_persist_stream(parser, TRUE);
	do {
		GMimeMessage *message = g_mime_parser_construct_message(parser, NULL);

		if (!message) {
			break;
		}
		mail_text_message(mail, message, 1);
		g_object_unref(message);
	} while (mail->is_mbox && !g_mime_parser_eos(parser) && mail->text->len < LOAD_MAX_BYTES);
	g_object_unref(parser);
	g_object_unref(stream);
}

/* Names of attachments come as they were sent; a NUL is no text either. */
static void make_valid(struct buf *text)
{
	struct buf valid = BUF_INIT;
	const char *at = buf_str(text), *end = at + text->len, *nul;

	if (utf8_valid(at, text->len) && !memchr(at, 0, text->len)) {
		return;
	}
	for (; (nul = memchr(at, 0, (size_t)(end - at))); at = nul + 1) {
		buf_add_utf8(&valid, at, (size_t)(nul - at));
		buf_addstr(&valid, "\xef\xbf\xbd");
	}
	buf_add_utf8(&valid, at, (size_t)(end - at));
	buf_finish(text);
	*text = valid;
}

/* What stands in the text as a line in brackets. */
static void leave_out(struct whole_reader *whole, const struct mail_text *mail)
{
	if (mail->n_encrypted) {
		skip_set(whole_reader_leave_out(whole), SKIP_UNREADABLE,
			"holds %d encrypted text%s: save the mail decrypted in your mail program",
			mail->n_encrypted, mail->n_encrypted == 1 ? "" : "s");
	}
	if (mail->n_attachment) {
		skip_set(whole_reader_leave_out(whole), SKIP_RULE,
			"holds %d attachment%s, which %s not read: save and name what is wanted",
			mail->n_attachment, mail->n_attachment == 1 ? "" : "s",
			mail->n_attachment == 1 ? "was" : "were");
	}
}

static int mail_open(struct reader **reader, const struct input *input, struct skip *skip)
{
	struct whole_reader *whole = whole_reader_create(DOCUMENT_TEXT);
	struct mail_text mail = {
		.text = &whole->text, .outline = &whole->outline, .is_mbox = is_mbox(input)};

	mail_prepare();
	read_messages(&mail, input);
	make_valid(&whole->text);
	if (mail.n_encrypted && !mail.n_readable) {
		skip_set(skip, SKIP_UNREADABLE,
			"is encrypted: save the message decrypted in your mail program");
	} else if (!whole->outline.n_heading) {
		skip_set(skip, SKIP_UNREADABLE, "is damaged: it holds no message");
	} else if (whole->text.len > LOAD_MAX_BYTES) {
		skip_set(skip, SKIP_UNREADABLE, "holds more text than the limit");
	} else {
		leave_out(whole, &mail);
		*reader = &whole->reader;
		return 0;
	}
	whole_reader_close(&whole->reader);
	return -1;
}

const struct loader loader_mail = {
	.name = "mail",
	.has_library = 1,
	.probe = mail_probe,
	.open = mail_open,
	.outline = whole_reader_outline,
	.read = whole_reader_read,
	.close = whole_reader_close,
};
