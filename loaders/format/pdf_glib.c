/* Where bookmarks lead, and which pages have pictures, by poppler-glib. */
#include "loaders/format/pdf_poppler.h"

#include "loaders/document.h"

#include <poppler.h>
#include <string.h>

enum {
	MAX_DEPTH = 32,
	MAX_HEADINGS = 1 << 16,
};

struct pdf_view {
	PopplerDocument *document;
};

struct pdf_view *pdf_view_open(const char *data, size_t len)
{
	GBytes *bytes = g_bytes_new_static(data, len);
	PopplerDocument *document = poppler_document_new_from_bytes(bytes, NULL, NULL);
	struct pdf_view *view = NULL;

	g_bytes_unref(bytes);
	if (document) {
		view = g_new0(struct pdf_view, 1);
		view->document = document;
	}
	return view;
}

void pdf_view_close(struct pdf_view *view)
{
	if (view) {
		g_object_unref(view->document);
		g_free(view);
	}
}

int pdf_view_has_picture(struct pdf_view *view, int page)
{
	PopplerPage *own = poppler_document_get_page(view->document, page - 1);
	GList *pictures;
	int has_picture;

	if (!own) {
		return 0;
	}
	pictures = poppler_page_get_image_mapping(own);
	has_picture = pictures != NULL;
	poppler_page_free_image_mapping(pictures);
	g_object_unref(own);
	return has_picture;
}

/* The page that an action goes to, from 1; 0: none of this document. */
static int action_page(const struct pdf_view *view, const PopplerAction *action)
{
	const PopplerDest *dest;
	int page;

	if (action->type != POPPLER_ACTION_GOTO_DEST || !action->goto_dest.dest) {
		return 0;
	}
	dest = action->goto_dest.dest;
	page = dest->page_num;
	if (dest->type == POPPLER_DEST_NAMED) {
		PopplerDest *named = dest->named_dest ? poppler_document_find_dest(
								view->document, dest->named_dest)
						      : NULL;

		page = named ? named->page_num : 0;
		if (named) {
			poppler_dest_free(named);
		}
	}
	return page >= 1 && page <= poppler_document_get_n_pages(view->document) ? page : 0;
}

/*
 * Add the bookmarks of one level and of those beneath it. One that leads nowhere ("Part I") stands
 * where the first one beneath it does, and is left out where there is none.
 */
static void add_bookmarks(
	const struct pdf_view *view, PopplerIndexIter *iter, int level, struct document *document)
{
	do {
		PopplerAction *action = poppler_index_iter_get_action(iter);
		PopplerIndexIter *child =
			level < MAX_DEPTH ? poppler_index_iter_get_child(iter) : NULL;
		size_t own = document->n_heading;
		const char *title = action->any.title ? action->any.title : "";
		int page = action_page(view, action);

		document_add_heading(
			document, level, title, strlen(title), page ? (size_t)page - 1 : 0, 1);
		if (child) {
			add_bookmarks(view, child, level + 1, document);
			poppler_index_iter_free(child);
		}
		if (!page && document->n_heading > own + 1) {
			document->heading[own].part = document->heading[own + 1].part;
		} else if (!page) {
			g_clear_pointer(&document->heading[--document->n_heading].title, free);
		}
		poppler_action_free(action);
	} while (document->n_heading < MAX_HEADINGS && poppler_index_iter_next(iter));
}

void pdf_view_outline(struct pdf_view *view, struct document *document)
{
	PopplerIndexIter *iter = poppler_index_iter_new(view->document);

	if (iter) {
		add_bookmarks(view, iter, 1, document);
		poppler_index_iter_free(iter);
	}
}
