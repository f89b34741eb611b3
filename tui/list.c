#include "tui/list.h"

static void move_to(struct list *list, size_t cursor)
{
	list->cursor = list->n ? (cursor < list->n ? cursor : list->n - 1) : 0;
}

static void move_back(struct list *list, size_t by)
{
	move_to(list, list->cursor > by ? list->cursor - by : 0);
}

static void move_on(struct list *list, size_t by)
{
	move_to(list, by < list->n - list->cursor ? list->cursor + by : list->n);
}

void list_resize(struct list *list, size_t n)
{
	list->n = n;
	move_to(list, list->cursor);
}

int list_act(struct list *list, enum action action)
{
	size_t page = list->rows > 1 ? (size_t)list->rows - 1 : 1,
	       half = page > 1 ? (page + 1) / 2 : 1;

	switch (action) {
	case ACTION_UP:
		move_back(list, 1);
		return 1;
	case ACTION_DOWN:
		move_on(list, 1);
		return 1;
	case ACTION_PAGE_UP:
		move_back(list, page);
		return 1;
	case ACTION_PAGE_DOWN:
	case ACTION_SPACE_DOWN:
		move_on(list, page);
		return 1;
	case ACTION_HALF_UP:
		move_back(list, half);
		return 1;
	case ACTION_HALF_DOWN:
		move_on(list, half);
		return 1;
	case ACTION_FIRST:
		move_to(list, 0);
		return 1;
	case ACTION_LAST:
		move_to(list, list->n);
		return 1;
	default:
		return 0;
	}
}

void list_layout(struct list *list, int rows)
{
	size_t shown = rows > 0 ? (size_t)rows : 1;

	list->rows = rows;
	if (list->top > list->cursor) {
		list->top = list->cursor;
	} else if (list->cursor - list->top >= shown) {
		list->top = list->cursor - shown + 1;
	}
	/* No empty rows below the last line while there are lines above the first. */
	if (list->n < list->top + shown) {
		list->top = list->n > shown ? list->n - shown : 0;
	}
}
