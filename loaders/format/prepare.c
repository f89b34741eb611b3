/*
 * What the formats' libraries need from outside: converters, databases, tables. Opened in the helper of
 * carrel-worker before it forks and closes the sandbox; whatever is opened stays open.
 */
#include "loaders/format/format.h"

#include "loaders/format/encoding.h"
#include "loaders/format/html.h"
#include "loaders/format/magic.h"
#include "loaders/format/zip.h"
#include "loaders/tree/tree.h"

void formats_prepare(void)
{
	/* One NAME_prepare() for each format that has something to open. */
	encoding_prepare();
	magic_prepare();
	html_prepare();
	mail_prepare();
	zip_prepare();
	pdf_prepare();
	transcript_prepare();
	tree_prepare();
}
