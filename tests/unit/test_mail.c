/* Messages and mailboxes: headers, alternatives, charsets, attachments, and what is no mail. */
#include "tests/unit/document_fixture.h"

#include <time.h>

#define HEAD                                                                                       \
	"From: =?iso-8859-1?Q?Andr=E9?= <a@example.org>\nTo: Bo <b@example.org>\n"                 \
	"Date: Mon, 6 Jan 2020 10:00:00 +0000\nSubject: =?utf-8?B?Q2Fmw6k=?=\n folded\n"           \
	"Received: x\nMIME-Version: 1.0\n"
#define SHOWN                                                                                      \
	"# Caf\xc3\xa9 folded\n\nFrom: Andr\xc3\xa9 <a@example.org>\nTo: Bo <b@example.org>\n"     \
	"Date: Mon, 6 Jan 2020 10:00:00 +0000\n\n"

static void check_mail(const char *name, const char *bytes, const char *expected)
{
	check_read(name, bytes, strlen(bytes), expected);
}

static void texts_are_decoded(void **state)
{
	check_mail("a.eml",
		HEAD "Content-Type: text/plain; charset=iso-8859-1\n"
		     "Content-Transfer-Encoding: quoted-printable\n\nCaf=E9 =\non  \n> "
		     "quoted\n\n-- \nA\n\n",
		SHOWN "Caf\xc3\xa9 on\n> quoted\n\n--\nA\n");
	check_mail("a.eml",
		HEAD "Content-Type: text/plain; charset=koi8-r\n"
		     "Content-Transfer-Encoding: base64\n\nxMEK\n",
		SHOWN "\xd0\xb4\xd0\xb0\n");
	check_mail("a.eml", HEAD "\r\nno type\r\nand \xe9\r\n", SHOWN "no type\nand \xc3\xa9\n");
	check_mail("a.eml",
		HEAD "Content-Type: text/html; charset=utf-8\n\n<h1>Hi</h1><p>there&nbsp;<b>x</b>",
		SHOWN "# Hi\n\nthere x\n");
}

/* A heading's title is what its line says, whatever bytes the subject came in. */
static void a_subject_of_invalid_bytes_is_repaired(void **state)
{
	struct read_back back;
	static const char mail[] =
		"From: =?iso-8859-1?Q?A=E9?= <a@x>\nSubject:\xdc\x8c\xf5\xbc\x90\x91: =?i"
		"\xa5\xa5\xa5\xa5\xa5\xa5\xa5\xa5\xa5\xa5\xa5\xa5\xa5\xa5\xa5\xa5\xa5\xa5\xa5\xa5"
		"ncrypted; boundaxy=m\x9ant-Type: \xfftext/plain; char-printable\n\nx\n";

	back = read_back("a.eml", mail, strlen(mail));
	assert_int_equal(1, back.outline.n_heading);
	assert_non_null(strstr(back.text, back.outline.heading[0].title));
	read_back_finish(&back);
}

static void parts_are_chosen_or_named(void **state)
{
	check_mail("a.eml",
		HEAD "Content-Type: multipart/mixed; boundary=m\n\npreamble\n--m\n"
		     "Content-Type: multipart/alternative; boundary=a\n\n--a\nContent-Type: "
		     "text/html\n\n"
		     "<p>no\n--a\nContent-Type: text/plain\n\nplain\n--a--\n--m\n"
		     "Content-Type: application/pdf\nContent-Disposition: attachment; "
		     "filename=\"x.pdf\"\n\n"
		     "JVBERi0=\n--m\nContent-Type: text/plain\n"
		     "Content-Disposition: attachment; filename=notes.txt\n\nno\n--m\n"
		     "Content-Type: message/rfc822\n\nFrom: c@example.org\nSubject: "
		     "Inner\n\nwithin\n--m--\n",
		SHOWN "plain\n\n[attachment: x.pdf (application/pdf)]\n\n"
		      "[attachment: notes.txt (text/plain)]\n\n### Inner\n\nFrom: c@example.org\n\n"
		      "within\n");
	check_mail("a.eml",
		HEAD "Content-Type: multipart/signed; boundary=m\n\n--m\n\nsigned\n--m\n"
		     "Content-Type: application/pgp-signature\n\nxx\n--m--\n",
		SHOWN "signed\n");
}

static void mailboxes_are_their_messages(void **state)
{
	static const char box[] =
		"From a@x Mon Jan  6 10:00:00 2020\nFrom: a@x\nSubject: One\n\nfirst\n"
		">From here\n>>From there\n\nFrom b@x Mon Jan  6 11:00:00 2020\n"
		"From: b@x\nSubject: Two\n\nsecond\n";
	struct read_back back = read_back("in.mbox", box, strlen(box));

	assert_string_equal("# One\n\nFrom: a@x\n\nfirst\nFrom here\n>From there\n\n# Two\n\n"
			    "From: b@x\n\nsecond\n",
		back.text);
	assert_int_equal(2, back.outline.n_heading);
	assert_string_equal("Two", back.outline.heading[1].title);
	assert_int_equal(9, back.outline.heading[1].line);
	read_back_finish(&back);
}

static void encrypted_messages_are_named(void **state)
{
	static const char pgp[] =
		HEAD "Content-Type: multipart/encrypted; boundary=m\n\n--m\n"
		     "Content-Type: application/pgp-encrypted\n\nVersion: 1\n--m\n"
		     "Content-Type: application/octet-stream\n\nxx\n--m--\n";
	static const char smime[] =
		HEAD "Content-Type: application/pkcs7-mime; smime-type=enveloped-data\n\nxx\n";
	static const char armor[] = HEAD "\n-----BEGIN PGP MESSAGE-----\n\nxx\n";

	check_refused("a.eml", pgp, strlen(pgp), SKIP_UNREADABLE, "is encrypted");
	check_refused("a.eml", smime, strlen(smime), SKIP_UNREADABLE, "is encrypted");
	check_refused("a.eml", armor, strlen(armor), SKIP_UNREADABLE, "is encrypted");
}

static void what_is_left_out_is_named(void **state)
{
	static const char box[] =
		"From a@x Mon Jan  6 10:00:00 2020\nFrom: a@x\nSubject: One\n\nfirst\n"
		"From b@x Mon Jan  6 11:00:00 2020\nFrom: b@x\nSubject: Two\n\n"
		"-----BEGIN PGP MESSAGE-----\n\nxx\n"
		"From c@x Mon Jan  6 12:00:00 2020\nFrom: c@x\nSubject: Three\n"
		"Content-Type: application/pdf\n\nxx\n";
	struct read_back back = read_back("in.mbox", box, strlen(box));

	assert_non_null(strstr(back.text, "first"));
	assert_string_equal(
		"holds 1 encrypted text: save the mail decrypted in your mail program\n"
		"holds 1 attachment, which was not read: save and name what is wanted\n",
		buf_str(&back.left_out));
	read_back_finish(&back);
}

/* Lines that end in a space go on (RFC 3676); quoted ones within their depth. */
static void flowed_lines_are_joined(void **state)
{
	static const char type[] = HEAD "Content-Type: text/plain; format=flowed";
	static const char body[] = "\n\na long \nline \n> quoted \n> words\n>> deeper\n"
				   " From stuffed\n\n-- \nA \n";
	char *flowed = mem_printf("%s%s", type, body);
	char *without_space = mem_printf("%s; delsp=yes%s", type, body);

	check_mail("a.eml", flowed,
		SHOWN "a long line\n> quoted words\n>> deeper\nFrom stuffed\n\n--\nA\n");
	check_mail("a.eml", without_space,
		SHOWN "a longline\n> quotedwords\n>> deeper\nFrom stuffed\n\n--\nA\n");
	free(flowed);
	free(without_space);
}

/* Some programs send an empty plain text beside the HTML that has the words. */
static void an_empty_alternative_is_none(void **state)
{
	check_mail("a.eml",
		HEAD "Content-Type: multipart/alternative; boundary=a\n\n--a\n"
		     "Content-Type: text/plain\n\n \n\n--a\nContent-Type: text/html\n\n"
		     "<p>words\n--a--\n",
		SHOWN "words\n");
}

/* Letters, patches and notes begin with a few headers, too. */
static void text_is_not_taken_for_mail(void **state)
{
	static const char *const texts[][2] = {
		{"letter.txt",
			"From: Ana\nTo: Bo\nSubject: x\nDate: y\nCc: z\nReceived: 1\n\nHi\n"},
		{"fix.patch", "From 1234567890 Mon Sep 17 00:00:00 2001\nFrom: a@x\nDate: x\n"
			      "Subject: [PATCH] x\nMessage-ID: x\nTo: y\n\n---\n"},
		{"notes", "From here to there\nis a long way.\n"},
		{"notes", "Subject: short\n\nnote\n"},
		{"a.eml", "not a message\n"},
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		static const struct read_options options = {.subdir = "", .n_share = 1};
		struct input input = {texts[i][0], texts[i][1], strlen(texts[i][1]), -1, &options};

		assert_string_not_equal("mail", loader_find(&input)->name);
	}
	check_mail("1578304800.M1P2.host:2,S", HEAD "\nbody\n", SHOWN "body\n");
	check_mail("stdin", HEAD "\nbody\n", SHOWN "body\n");
}

/* Messages in messages, parts in parts, a boundary that never comes, many messages. */
static void hostile_messages_end(void **state)
{
	struct buf bytes = BUF_INIT;
	struct read_back back;
	clock_t begun = clock();

	for (int i = 0; i < 20000; i++) {
		buf_printf(&bytes, "%sContent-Type: multipart/mixed; boundary=b%d\n\n--b%d\n",
			i ? "" : HEAD, i, i);
	}
	back = read_back("deep.eml", bytes.data, bytes.len);
	read_back_finish(&back);
	buf_clear(&bytes);
	for (int i = 0; i < 20000; i++) {
		buf_addstr(&bytes, HEAD "Content-Type: message/rfc822\n\n");
	}
	back = read_back("deep.eml", bytes.data, bytes.len);
	assert_non_null(back.text);
	read_back_finish(&back);
	buf_clear(&bytes);
	for (int i = 0; i < 20000; i++) {
		buf_printf(&bytes, "From a@x Mon Jan  6 10:00:00 2020\nFrom: a@x\n\nmessage %d\n\n",
			i);
	}
	back = read_back("many.mbox", bytes.data, bytes.len);
	assert_int_equal(20000, back.outline.n_heading);
	assert_non_null(strstr(back.text, "message 19999"));
	read_back_finish(&back);
	buf_finish(&bytes);
	assert_true((double)(clock() - begun) / CLOCKS_PER_SEC < 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_are_decoded),
		cmocka_unit_test(a_subject_of_invalid_bytes_is_repaired),
		cmocka_unit_test(parts_are_chosen_or_named),
		cmocka_unit_test(mailboxes_are_their_messages),
		cmocka_unit_test(encrypted_messages_are_named),
		cmocka_unit_test(what_is_left_out_is_named),
		cmocka_unit_test(flowed_lines_are_joined),
		cmocka_unit_test(an_empty_alternative_is_none),
		cmocka_unit_test(text_is_not_taken_for_mail),
		cmocka_unit_test(hostile_messages_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
