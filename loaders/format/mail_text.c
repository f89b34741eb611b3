/*
 * A message: its subject as heading, who wrote to whom and when, its text (of alternatives the plain
 * one, else HTML through html.h), the names of what is attached, messages within.
 */
#include "loaders/format/mail_text.h"

#include "loaders/format/encoding.h"
#include "loaders/format/html.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct read_options no_options = {.subdir = "", .n_share = 1};

static void write_object(struct mail_text *mail, GMimeObject *object, int level);

static int is_type(GMimeObject *object, const char *type, const char *subtype)
{
	return g_mime_content_type_is_type(g_mime_object_get_content_type(object), type, subtype);
}

static void begin_block(struct mail_text *mail)
{
	struct buf *text = mail->text;

	if (text->len && text->data[text->len - 1] != '\n') {
		buf_addch(text, '\n');
	}
	if (text->len > 1 && text->data[text->len - 2] != '\n') {
		buf_addch(text, '\n');
	}
}

/* ---- headers ---- */

/* White space folded, encoded words decoded, valid UTF-8; empty where there is none. */
static void decode_header(struct buf *out, GMimeObject *object, const char *name)
{
	GMimeHeaderList *headers = g_mime_object_get_header_list(object);
	GMimeHeader *header = g_mime_header_list_get_header(headers, name);
	const char *raw = header ? g_mime_header_get_raw_value(header) : NULL;
	char *decoded = raw ? g_mime_utils_header_decode_text(NULL, raw) : NULL;
	struct buf utf8 = BUF_INIT, folded = BUF_INIT;
	struct input input = {"header", decoded, decoded ? strlen(decoded) : 0, -1, &no_options};

	if (decoded && input.len && encoding_to_utf8(&utf8, &input)) {
		for (const char *at = buf_str(&utf8); *at; at++) {
			int is_space = *at == ' ' || (*at >= '\t' && *at <= '\r');

			if (!is_space) {
				buf_addch(&folded, *at);
			} else if (folded.len && folded.data[folded.len - 1] != ' ') {
				buf_addch(&folded, ' ');
			}
		}
	}
	while (folded.len && folded.data[folded.len - 1] == ' ') {
		folded.data[--folded.len] = 0;
	}
	buf_add_utf8(out, buf_str(&folded), folded.len);
	buf_finish(&folded);
	buf_finish(&utf8);
	g_free(decoded);
}

static void write_headers(struct mail_text *mail, GMimeObject *message, int level)
{
	static const char *const names[] = {"From", "To", "Cc", "Date"};
	struct buf value = BUF_INIT;

	begin_block(mail);
	decode_header(&value, message, "Subject");
	if (!value.len) {
		buf_addstr(&value, "(no subject)");
	}
	for (; mail->counted < mail->text->len; mail->counted++) {
		mail->line += mail->text->data[mail->counted] == '\n';
	}
	document_add_heading(mail->outline, level, value.data, value.len, 0, mail->line + 1);
	for (int i = 0; i < level && i < 6; i++) {
		buf_addch(mail->text, '#');
	}
	buf_printf(mail->text, " %s\n\n", value.data);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		buf_clear(&value);
		decode_header(&value, message, names[i]);
		if (value.len) {
			buf_printf(mail->text, "%s: %s\n", names[i], value.data);
		}
	}
	buf_finish(&value);
}

/* ---- text ---- */

/* The part's bytes, its transfer encoding undone. */
static void part_bytes(struct buf *out, GMimePart *part)
{
	GMimeDataWrapper *content = g_mime_part_get_content(part);
	GMimeStream *stream;
	GByteArray *bytes;

	if (!content) {
		return;
	}
	stream = g_mime_stream_mem_new();
	g_mime_data_wrapper_write_to_stream(content, stream);
	bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(stream));
	buf_add(out, bytes->data, bytes->len);
	g_object_unref(stream);
}

/* In UTF-8; 0 where it is no text. */
static int part_text(struct buf *out, GMimePart *part, int is_html)
{
	GMimeContentType *type = g_mime_object_get_content_type(GMIME_OBJECT(part));
	const char *charset = g_mime_content_type_get_parameter(type, "charset");
	struct buf bytes = BUF_INIT;
	struct input input = {"part", NULL, 0, -1, &no_options};
	const char *encoding = NULL;

	part_bytes(&bytes, part);
	input.data = buf_str(&bytes);
	input.len = bytes.len;
	if (charset && strncasecmp(charset, "utf-8", 5) != 0) {
		encoding = encoding_convert(out, input.data, input.len, charset);
	}
	if (!encoding && input.len) {
		encoding = is_html ? html_to_utf8(out, &input) : encoding_to_utf8(out, &input);
	}
	buf_finish(&bytes);
	return encoding != NULL || !input.len;
}

/* The next line without its end; 0 behind the last. ">From " of a mailbox is "From ". */
static int next_line(const struct mail_text *mail, const char **at, const char *end,
	const char **line, size_t *len)
{
	const char *newline;
	size_t quotes;

	if (*at >= end) {
		return 0;
	}
	newline = memchr(*at, '\n', (size_t)(end - *at));
	*line = *at;
	*len = (size_t)((newline ? newline : end) - *at);
	*at += *len + (newline != NULL);
	*len -= *len && (*line)[*len - 1] == '\r';
	quotes = strspn(*line, ">");
	if (mail->is_mbox && quotes && *len >= quotes + 5 &&
		strncmp(*line + quotes, "From ", 5) == 0) {
		++*line;
		--*len;
	}
	return 1;
}

static size_t without_spaces(const char *line, size_t len)
{
	while (len && (line[len - 1] == '\r' || line[len - 1] == ' ')) {
		len--;
	}
	return len;
}

static void write_lines(struct mail_text *mail, const char *at, const char *end)
{
	const char *line;
	size_t len;

	while (next_line(mail, &at, end, &line, &len)) {
		buf_add(mail->text, line, without_spaces(line, len));
		buf_addch(mail->text, '\n');
	}
}

/* RFC 3676: a line that ends in a space goes on in the next of the same depth of quotation. */
static void write_flowed(struct mail_text *mail, const char *at, const char *end, int deletes_space)
{
	const char *line;
	size_t len, last_depth = 0;
	int goes_on = 0;

	while (next_line(mail, &at, end, &line, &len)) {
		size_t depth = strspn(line, ">"), begin = depth;
		int is_signature;

		begin += begin < len && line[begin] == ' '; /* it may be stuffed */
		is_signature = len - begin == 3 && strncmp(line + begin, "-- ", 3) == 0;
		if (goes_on && (depth != last_depth || is_signature)) {
			goes_on = 0;
			mail->text->len = without_spaces(mail->text->data, mail->text->len);
			buf_addch(mail->text, '\n');
		}
		if (!goes_on) {
			buf_add(mail->text, line, depth);
			buf_addstr(mail->text, depth && len > begin ? " " : "");
		}
		goes_on = !is_signature && len > begin && line[len - 1] == ' ';
		len = goes_on ? len - (deletes_space != 0)
			      : begin + without_spaces(line + begin, len - begin);
		buf_add(mail->text, line + begin, len - begin);
		buf_addstr(mail->text, goes_on ? "" : "\n");
		last_depth = depth;
	}
	if (goes_on) {
		mail->text->len = without_spaces(mail->text->data, mail->text->len);
		buf_addch(mail->text, '\n');
	}
}

static int parameter_is(GMimePart *part, const char *name, const char *value)
{
	const char *found = g_mime_content_type_get_parameter(
		g_mime_object_get_content_type(GMIME_OBJECT(part)), name);

	return found && strcasecmp(found, value) == 0;
}

static void write_plain(struct mail_text *mail, GMimePart *part, const struct buf *text)
{
	const char *at = buf_str(text), *end = at + text->len;

	while (end > at && strchr("\n\r ", end[-1])) {
		end--;
	}
	if (parameter_is(part, "format", "flowed")) {
		write_flowed(mail, at, end, parameter_is(part, "delsp", "yes"));
	} else {
		write_lines(mail, at, end);
	}
}

static void write_html(struct mail_text *mail, const struct buf *html)
{
	struct markup *markup = markup_create();
	struct reader *reader = NULL;
	struct skip skip = {0};

	if (html_write(markup, NULL, buf_str(html), html->len, &skip) < 0) {
		markup_destroy(markup);
		buf_printf(mail->text, "[text not read: it %s]\n", skip.reason);
	} else if (markup_reader(&reader, markup, &skip) == 0) {
		struct whole_reader *whole = (struct whole_reader *)reader;

		buf_add(mail->text, buf_str(&whole->text), whole->text.len);
		whole_reader_close(reader);
	}
	skip_finish(&skip);
}

static void write_encrypted(struct mail_text *mail, const char *how)
{
	mail->n_encrypted++;
	buf_printf(mail->text, "[encrypted (%s): save the message decrypted to read this part]\n",
		how);
}

static void write_text_part(struct mail_text *mail, GMimePart *part)
{
	static const char armor[] = "-----BEGIN PGP MESSAGE-----";
	int is_html = is_type(GMIME_OBJECT(part), "text", "html");
	struct buf text = BUF_INIT;
	const char *first;

	begin_block(mail);
	if (!part_text(&text, part, is_html)) {
		buf_addstr(mail->text, "[text not read: it is binary]\n");
	}
	first = buf_str(&text) + strspn(buf_str(&text), " \r\n\t");
	if (strncmp(first, armor, sizeof(armor) - 1) == 0) {
		write_encrypted(mail, "OpenPGP");
		first = "";
	} else if (is_html) {
		write_html(mail, &text);
	} else {
		write_plain(mail, part, &text);
	}
	mail->n_readable += *first != 0;
	buf_finish(&text);
}

/* ---- parts ---- */

static void write_attachment(struct mail_text *mail, GMimePart *part)
{
	const char *name = g_mime_part_get_filename(part);
	char *type = g_mime_content_type_get_mime_type(
		g_mime_object_get_content_type(GMIME_OBJECT(part)));

	mail->n_attachment++;
	begin_block(mail);
	buf_addstr(mail->text, "[attachment: ");
	for (; name && *name; name++) {
		buf_addch(mail->text, (unsigned char)*name < ' ' ? '?' : *name);
	}
	buf_printf(mail->text, " (%s)]\n", type);
	g_free(type);
}

static int is_enveloped(GMimeObject *object)
{
	GMimeContentType *type = g_mime_object_get_content_type(object);
	const char *smime = g_mime_content_type_get_parameter(type, "smime-type");

	return (is_type(object, "application", "pkcs7-mime") ||
		       is_type(object, "application", "x-pkcs7-mime")) &&
	       (!smime || strcasecmp(smime, "signed-data") != 0);
}

static void write_part(struct mail_text *mail, GMimePart *part)
{
	GMimeContentDisposition *disposition =
		g_mime_object_get_content_disposition(GMIME_OBJECT(part));
	int is_attached = disposition && g_mime_content_disposition_is_attachment(disposition);

	if (is_enveloped(GMIME_OBJECT(part))) {
		begin_block(mail);
		write_encrypted(mail, "S/MIME");
	} else if (!is_attached && is_type(GMIME_OBJECT(part), "text", "*")) {
		write_text_part(mail, part);
	} else {
		write_attachment(mail, part);
	}
}

/* Whether there is anything but white space in it. */
static int has_words(GMimePart *part)
{
	struct buf bytes = BUF_INIT;
	size_t blank = 0;

	part_bytes(&bytes, part);
	while (blank < bytes.len && strchr(" \t\r\n", bytes.data[blank])) {
		blank++;
	}
	buf_finish(&bytes);
	return blank < bytes.len;
}

/* Whether the part is, or holds first, text of this subtype, and says anything. */
static int holds_text(GMimeObject *object, const char *subtype)
{
	for (int depth = 0; GMIME_IS_MULTIPART(object) && depth < MAIL_MAX_DEPTH; depth++) {
		GMimeMultipart *multipart = GMIME_MULTIPART(object);

		if (!g_mime_multipart_get_count(multipart)) {
			return 0;
		}
		object = g_mime_multipart_get_part(multipart, 0);
	}
	return is_type(object, "text", subtype) && GMIME_IS_PART(object) &&
	       has_words(GMIME_PART(object));
}

/* Of the same in several forms, plain text; else HTML; else the last, which is the richest. */
static GMimeObject *alternative(GMimeMultipart *multipart)
{
	static const char *const preferred[] = {"plain", "html"};
	int n = g_mime_multipart_get_count(multipart);

	for (size_t i = 0; i < ARRAY_LEN(preferred); i++) {
		for (int k = 0; k < n; k++) {
			GMimeObject *object = g_mime_multipart_get_part(multipart, k);

			if (holds_text(object, preferred[i])) {
				return object;
			}
		}
	}
	return n ? g_mime_multipart_get_part(multipart, n - 1) : NULL;
}

static void write_multipart(struct mail_text *mail, GMimeMultipart *multipart, int level)
{
	GMimeObject *object = GMIME_OBJECT(multipart);
	int n = g_mime_multipart_get_count(multipart);

	if (is_type(object, "multipart", "encrypted")) {
		begin_block(mail);
		write_encrypted(mail, "OpenPGP");
	} else if (is_type(object, "multipart", "alternative")) {
		object = alternative(multipart);
		if (object) {
			write_object(mail, object, level + 1);
		}
	} else {
		int is_signed = is_type(object, "multipart", "signed");

		for (int i = 0; i < n && !(is_signed && i > 0); i++) {
			write_object(mail, g_mime_multipart_get_part(multipart, i), level + 1);
		}
	}
}

static void write_object(struct mail_text *mail, GMimeObject *object, int level)
{
	if (level > MAIL_MAX_DEPTH) {
		begin_block(mail);
		buf_addstr(mail->text, "[parts not read: they are nested too deeply]\n");
	} else if (GMIME_IS_MULTIPART(object)) {
		write_multipart(mail, GMIME_MULTIPART(object), level);
	} else if (GMIME_IS_MESSAGE_PART(object)) {
		GMimeMessage *inner = g_mime_message_part_get_message(GMIME_MESSAGE_PART(object));

		if (inner) {
			mail_text_message(mail, inner, level + 1);
		}
	} else if (GMIME_IS_PART(object)) {
		write_part(mail, GMIME_PART(object));
	}
}

void mail_text_message(struct mail_text *mail, GMimeMessage *message, int level)
{
	GMimeObject *body = g_mime_message_get_mime_part(message);

	write_headers(mail, GMIME_OBJECT(message), level);
	if (body) {
		write_object(mail, body, level);
	}
}
