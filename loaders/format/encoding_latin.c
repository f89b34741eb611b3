/*
 * Telling windows-1252 from windows-1250, ISO-8859-2 and their like, where a short text has only a
 * few accents: too few for statistics of bytes. Each encoding makes other letters of the same bytes;
 * a language uses few of them, and its most frequent words are in ASCII whatever the encoding.
 */
#include "loaders/format/encoding_latin.h"

#include "loaders/format/encoding_detect.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <string.h>

/* Its letters beyond ASCII and its most frequent ASCII words, the most frequent first. */
struct language {
	const char *letters, *words;
};

static const struct language western[] = {
	{"éöüäáñóíçèøåãß£",
		"the to of and in a is for that on with by from be this as it not are or"},
	{"éèàêçùîôâûëïœü", "de la le les et des en un une que du dans pour est par sur avec qui"},
	{"üäöß", "der die und das den von zu mit ist ein nicht eine des wird auf dem im werden"},
	{"óíáéñúü¿¡", "de la el que en los se las del un por con una para es no al si"},
	{"ãçéáíóõêúâàô", "de que do da um os para com uma em se por dos no as ou ser na"},
	{"èàùòéì", "di che la il un per in non del una della con sono da le dei nel si"},
	{"äåö", "och att som en av inte med den till ett om kan det har eller vid fil"},
	{"øåæ", "og at er en det til af som ikke med den kan et der eller hvis fra fil har"},
	{"äö", "ja on ei tai se jos kuin joka tiedosto sen ovat niin voi vain mutta"},
	{"ëéïöèüó", "de het een van is en in te dat niet op voor met wordt zijn of kan als"},
	{"íáðéöþúóýæ", "og er til ekki sem um fyrir ef er eru frá vera hefur"},
	{"óàéèíòçúï·ü", "de la el que per els en no un les del una amb es si al com dels"},
};
static const struct language central[] = {
	{"íáéěřčžýšůúťňďó", "je se na a v pro soubor nebo jako ve po nen to s od z k"},
	{"áíéčýžťšúôľňďóäŕĺ", "je sa na a v pre alebo ako vo nie s od z k bol to"},
	{"ąężłćśóńź", "nie w z na i jest do lub dla plik przez od przy tego jako oraz"},
	{"áéőöóíüűú", "a az nem egy hogy vagy is meg csak ha ez van mint lehet"},
	{"čšžćđ", "je na u se ili i za nije ne od s iz kao ako su da po lahko ali"},
	{"ăîâşţ", "de nu este pentru sau un cu la din o care nu fi se mai prin ca"},
};
static const struct language south_eastern[] = {
	{"ăîâșț", "de nu este pentru sau un cu la din o care nu fi se mai prin ca"},
};
static const struct language turkish[] = {
	{"ışğüçöâ", "bir ve bu ile dosya veya olarak daha ise hata kadar bulunan sonra de"},
};
static const struct language baltic[] = {
	{"äõüöšž", "ja ei on see kui ning ka faili fail siis kas et oli pole"},
	{"āīēūšņļģķčž", "un nav ir lai ar par failu no uz vai kas tiek var"},
	{"ėįšųūžąęč", "ir ne yra su kad failo arba nuo tai iš kaip būti"},
};

/* `cost`: how rare it is; the first where two are equal. */
static const struct candidate {
	const char *name;
	const struct language *language;
	size_t n_language;
	int cost;
} candidates[] = {
	{"windows-1252", western, ARRAY_LEN(western), 0},
	{"ISO-8859-15", western, ARRAY_LEN(western), 1},
	{"windows-1250", central, ARRAY_LEN(central), 1},
	{"ISO-8859-2", central, ARRAY_LEN(central), 1},
	{"windows-1254", turkish, ARRAY_LEN(turkish), 1},
	{"windows-1257", baltic, ARRAY_LEN(baltic), 1},
	{"ISO-8859-13", baltic, ARRAY_LEN(baltic), 1},
	{"ISO-8859-15", baltic, 1, 1},
	{"windows-1252", baltic, 1, 0},
	{"ISO-8859-16", south_eastern, ARRAY_LEN(south_eastern), 1},
	{"IBM850", western, ARRAY_LEN(western), 6},
	{"IBM852", central, ARRAY_LEN(central), 6},
};

/* Costs, about -log2 of a probability. */
enum {
	COST_TYPOGRAPHY = 5,     /* a dash, a quotation mark, a degree sign */
	COST_FOREIGN_LETTER = 8, /* another language's, in a name */
	COST_SYMBOL = 10,
	COST_NOTHING = 16, /* a control character, or nothing at all in this encoding */
	COST_SHAPE = 4,    /* a capital within a word, a symbol between letters */
	GAIN_WORD = 2,
};

static int is_upper(uint32_t cp)
{
	return (cp >= 'A' && cp <= 'Z') || (cp >= 0xc0 && cp <= 0xde && cp != 0xd7) ||
	       (cp >= 0x100 && cp < 0x138 && !(cp & 1)) || (cp >= 0x139 && cp < 0x149 && cp & 1) ||
	       (cp >= 0x14a && cp < 0x178 && !(cp & 1)) || cp == 0x178 || cp == 0x179 ||
	       cp == 0x17b || cp == 0x17d || cp == 0x218 || cp == 0x21a;
}

static int is_letter(uint32_t cp)
{
	return (cp >= 'a' && cp <= 'z') || (cp >= 'A' && cp <= 'Z') ||
	       (cp >= 0xc0 && cp < 0x250 && cp != 0xd7 && cp != 0xf7 && cp != 0x192);
}

/* Of these letters; the dotted capital I is the odd one. */
static uint32_t lower(uint32_t cp)
{
	if (!is_upper(cp) || cp == 0x130) {
		return cp;
	}
	return cp < 0x100 ? cp + 32 : cp == 0x178 ? 0xff : cp + 1;
}

/* Place of a letter in the language's list, from 1; 0 where it has none. */
static int letter_rank(const struct language *language, uint32_t letter)
{
	const char *at = language->letters;
	uint32_t cp = 0;
	int rank = 1;

	for (size_t step; *at; at += step, rank++) {
		step = utf8_decode(at, strlen(at), &cp);
		if (cp == letter) {
			return rank;
		}
	}
	return 0;
}

static int is_typography(uint32_t cp)
{
	return (cp >= 0x2010 && cp < 0x2040) || cp == 0x20ac || cp == 0xa0 || cp == 0xa7 ||
	       cp == 0xa9 || cp == 0xab || cp == 0xae || cp == 0xb0 || cp == 0xb7 || cp == 0xbb ||
	       cp == 0xb4;
}

static int character_cost(
	const struct language *language, uint32_t before, uint32_t cp, uint32_t after)
{
	int rank;

	if (cp < 0xa0 || cp == 0xfffd || (cp >= 0xe000 && cp < 0xf900)) {
		return COST_NOTHING;
	}
	if (!is_letter(cp)) {
		int inside = is_letter(before) && is_letter(after) && cp != 0x2019 && cp != 0xb7;

		return (is_typography(cp) ? COST_TYPOGRAPHY : COST_SYMBOL) + inside * COST_SHAPE;
	}
	rank = letter_rank(language, lower(cp));
	rank = !rank ? COST_FOREIGN_LETTER : rank < 3 ? 2 : rank < 7 ? 3 : 4;
	return rank +
	       (is_upper(cp) ? 1 + (is_letter(before) && !is_upper(before)) * COST_SHAPE : 0);
}

static int is_word_of(const struct language *language, const char *word, size_t len)
{
	const char *at = language->words;

	while (at) {
		if (strncmp(at, word, len) == 0 && (at[len] == ' ' || !at[len])) {
			return 1;
		}
		at = strchr(at, ' ');
		at = at ? at + 1 : NULL;
	}
	return 0;
}

/* Of a text in UTF-8; the smaller, the likelier. */
static int text_cost(const struct language *language, const struct buf *text)
{
	uint32_t before = ' ', cp = 0, after = 0;
	size_t word = 0, step;
	int cost = 0;

	for (size_t i = 0; i < text->len; i += step, before = cp) {
		step = utf8_decode(text->data + i, text->len - i, &cp);
		if (!step) {
			return cost;
		}
		if (cp >= 128) {
			after = ' ';
			if (i + step < text->len) {
				utf8_decode(text->data + i + step, text->len - i - step, &after);
			}
			cost += character_cost(language, before, cp, after);
		}
		if (!is_letter(cp)) {
			cost -= i > word && is_word_of(language, text->data + word, i - word)
					? GAIN_WORD
					: 0;
			word = i + step;
		}
	}
	return cost;
}

const char *encoding_latin(const char *bytes, size_t len)
{
	struct buf text = BUF_INIT;
	const char *best = candidates[0].name, *converted = NULL;
	int best_cost = 0;

	for (size_t i = 0; i < ARRAY_LEN(candidates); i++) {
		const struct candidate *candidate = &candidates[i];

		if (encoding_invalid(bytes, len, candidate->name, &text) < 0) {
			continue;
		}
		for (size_t j = 0; j < candidate->n_language; j++) {
			int cost = candidate->cost + text_cost(&candidate->language[j], &text);

			if (!converted || cost < best_cost) {
				best_cost = cost;
				best = converted = candidate->name;
			}
		}
	}
	buf_finish(&text);
	return best;
}
