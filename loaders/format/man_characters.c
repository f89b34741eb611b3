/* Special characters of roff, as groff_char(7) names them. */
#include "loaders/format/man_roff.h"

#include "base/mem.h"

#include <string.h>

static const struct {
	const char *name, *text;
} characters[] = {
	/* clang-format off: a table */
	{"Do", "$"}, {"lq", "\xe2\x80\x9c"}, {"rq", "\xe2\x80\x9d"}, {"oq", "\xe2\x80\x98"},
	{"cq", "\xe2\x80\x99"}, {"aq", "'"}, {"dq", "\""}, {"Bq", "\xe2\x80\x9e"},
	{"bq", "\xe2\x80\x9a"}, {"Fo", "\xc2\xab"}, {"Fc", "\xc2\xbb"}, {"fo", "\xe2\x80\xb9"},
	{"fc", "\xe2\x80\xba"}, {"em", "\xe2\x80\x94"}, {"en", "\xe2\x80\x93"}, {"hy", "-"},
	{"bu", "\xe2\x80\xa2"}, {"co", "\xc2\xa9"}, {"rg", "\xc2\xae"}, {"tm", "\xe2\x84\xa2"},
	{"ct", "\xc2\xa2"}, {"Eu", "\xe2\x82\xac"}, {"eu", "\xe2\x82\xac"}, {"Ye", "\xc2\xa5"},
	{"Po", "\xc2\xa3"}, {"Cs", "\xc2\xa4"}, {"Fn", "\xc6\x92"}, {"de", "\xc2\xb0"},
	{"%0", "\xe2\x80\xb0"}, {"fm", "\xe2\x80\xb2"}, {"sd", "\xe2\x80\xb3"}, {"mc", "\xc2\xb5"},
	{"Of", "\xc2\xaa"}, {"Om", "\xc2\xba"}, {"sc", "\xc2\xa7"}, {"ps", "\xc2\xb6"},
	{"dg", "\xe2\x80\xa0"}, {"dd", "\xe2\x80\xa1"}, {"rs", "\\"}, {"sl", "/"}, {"ba", "|"},
	{"br", "\xe2\x94\x82"}, {"bb", "\xc2\xa6"}, {"bv", "|"}, {"ul", "_"}, {"ru", "_"},
	{"rn", "\xe2\x80\xbe"}, {"or", "|"}, {"at", "@"}, {"sh", "#"}, {"ti", "~"}, {"ha", "^"},
	{"ga", "`"}, {"aa", "\xc2\xb4"}, {"ad", "\xc2\xa8"}, {"ac", "\xc2\xb8"}, {"ao", "\xcb\x9a"},
	{"ab", "\xcb\x98"}, {"a\"", "\xcb\x9d"}, {"a-", "\xc2\xaf"}, {"a.", "\xcb\x99"},
	{"a^", "^"}, {"a~", "~"}, {"ah", "\xcb\x87"}, {"ho", "\xcb\x9b"}, {"lC", "{"}, {"rC", "}"},
	{"lB", "["}, {"rB", "]"}, {"la", "\xe2\x9f\xa8"}, {"ra", "\xe2\x9f\xa9"},
	{"lc", "\xe2\x8c\x88"}, {"rc", "\xe2\x8c\x89"}, {"lf", "\xe2\x8c\x8a"},
	{"rf", "\xe2\x8c\x8b"}, {"<-", "\xe2\x86\x90"}, {"->", "\xe2\x86\x92"},
	{"<>", "\xe2\x86\x94"}, {"ua", "\xe2\x86\x91"}, {"da", "\xe2\x86\x93"},
	{"va", "\xe2\x86\x95"}, {"lA", "\xe2\x87\x90"}, {"rA", "\xe2\x87\x92"},
	{"hA", "\xe2\x87\x94"}, {"uA", "\xe2\x87\x91"}, {"dA", "\xe2\x87\x93"},
	{"vA", "\xe2\x87\x95"}, {"an", "\xe2\x8e\xaf"}, {"pl", "+"}, {"mi", "\xe2\x88\x92"},
	{"-", "-"}, {"+-", "\xc2\xb1"}, {"-+", "\xe2\x88\x93"}, {"mu", "\xc3\x97"},
	{"di", "\xc3\xb7"}, {"**", "\xe2\x88\x97"}, {"eq", "="}, {"==", "\xe2\x89\xa1"},
	{"!=", "\xe2\x89\xa0"}, {"ne", "\xe2\x89\xa2"}, {"=~", "\xe2\x89\x85"},
	{"|=", "\xe2\x89\x83"}, {"~=", "\xe2\x89\x88"}, {"~~", "\xe2\x89\x88"},
	{"ap", "\xe2\x88\xbc"}, {"pt", "\xe2\x88\x9d"}, {"<=", "\xe2\x89\xa4"},
	{">=", "\xe2\x89\xa5"}, {">>", "\xe2\x89\xab"}, {"<<", "\xe2\x89\xaa"}, {"no", "\xc2\xac"},
	{"tno", "\xc2\xac"}, {"AN", "\xe2\x88\xa7"}, {"OR", "\xe2\x88\xa8"}, {"fa", "\xe2\x88\x80"},
	{"te", "\xe2\x88\x83"}, {"nx", "\xe2\x88\x84"}, {"mo", "\xe2\x88\x88"},
	{"nm", "\xe2\x88\x89"}, {"sb", "\xe2\x8a\x82"}, {"nb", "\xe2\x8a\x84"},
	{"sp", "\xe2\x8a\x83"}, {"nc", "\xe2\x8a\x85"}, {"ib", "\xe2\x8a\x86"},
	{"ip", "\xe2\x8a\x87"}, {"ca", "\xe2\x88\xa9"}, {"cu", "\xe2\x88\xaa"},
	{"/_", "\xe2\x88\xa0"}, {"pp", "\xe2\x8a\xa5"}, {"is", "\xe2\x88\xab"},
	{"integral", "\xe2\x88\xab"}, {"sum", "\xe2\x88\x91"}, {"product", "\xe2\x88\x8f"},
	{"coproduct", "\xe2\x88\x90"}, {"gr", "\xe2\x88\x87"}, {"sr", "\xe2\x88\x9a"},
	{"sqrt", "\xe2\x88\x9a"}, {"if", "\xe2\x88\x9e"}, {"es", "\xe2\x88\x85"},
	{"Ah", "\xe2\x84\xb5"}, {"Im", "\xe2\x84\x91"}, {"Re", "\xe2\x84\x9c"},
	{"wp", "\xe2\x84\x98"}, {"pd", "\xe2\x88\x82"}, {"-h", "\xe2\x84\x8f"},
	{"hbar", "\xe2\x84\x8f"}, {"12", "\xc2\xbd"}, {"14", "\xc2\xbc"}, {"34", "\xc2\xbe"},
	{"18", "\xe2\x85\x9b"}, {"38", "\xe2\x85\x9c"}, {"58", "\xe2\x85\x9d"},
	{"78", "\xe2\x85\x9e"}, {"S1", "\xc2\xb9"}, {"S2", "\xc2\xb2"}, {"S3", "\xc2\xb3"},
	{"CL", "\xe2\x99\xa3"}, {"SP", "\xe2\x99\xa0"}, {"HE", "\xe2\x99\xa5"},
	{"DI", "\xe2\x99\xa6"}, {"OK", "\xe2\x9c\x93"}, {"lh", "\xe2\x98\x9c"},
	{"rh", "\xe2\x98\x9e"}, {"CR", "\xe2\x86\xb5"}, {"sq", "\xe2\x96\xa1"},
	{"ci", "\xe2\x97\x8b"}, {"lz", "\xe2\x97\x8a"}, {"fe", "\xe2\x99\x80"},
	{"ma", "\xe2\x99\x82"}, {"r!", "\xc2\xa1"}, {"r?", "\xc2\xbf"}, {"ff", "\xef\xac\x80"},
	{"fi", "\xef\xac\x81"}, {"fl", "\xef\xac\x82"}, {"Fi", "\xef\xac\x83"},
	{"Fl", "\xef\xac\x84"}, {"AE", "\xc3\x86"}, {"ae", "\xc3\xa6"}, {"OE", "\xc5\x92"},
	{"oe", "\xc5\x93"}, {"ss", "\xc3\x9f"}, {"-D", "\xc3\x90"}, {"Sd", "\xc3\xb0"},
	{"TP", "\xc3\x9e"}, {"Tp", "\xc3\xbe"}, {"/L", "\xc5\x81"}, {"/l", "\xc5\x82"},
	{"/O", "\xc3\x98"}, {"/o", "\xc3\xb8"}, {"IJ", "\xc4\xb2"}, {"ij", "\xc4\xb3"},
	{".i", "\xc4\xb1"}, {".j", "\xc8\xb7"}, {"'A", "\xc3\x81"}, {"'C", "\xc4\x86"},
	{"'E", "\xc3\x89"}, {"'I", "\xc3\x8d"}, {"'O", "\xc3\x93"}, {"'U", "\xc3\x9a"},
	{"'Y", "\xc3\x9d"}, {"'a", "\xc3\xa1"}, {"'c", "\xc4\x87"}, {"'e", "\xc3\xa9"},
	{"'i", "\xc3\xad"}, {"'o", "\xc3\xb3"}, {"'u", "\xc3\xba"}, {"'y", "\xc3\xbd"},
	{":A", "\xc3\x84"}, {":E", "\xc3\x8b"}, {":I", "\xc3\x8f"}, {":O", "\xc3\x96"},
	{":U", "\xc3\x9c"}, {":Y", "\xc5\xb8"}, {":a", "\xc3\xa4"}, {":e", "\xc3\xab"},
	{":i", "\xc3\xaf"}, {":o", "\xc3\xb6"}, {":u", "\xc3\xbc"}, {":y", "\xc3\xbf"},
	{"^A", "\xc3\x82"}, {"^E", "\xc3\x8a"}, {"^I", "\xc3\x8e"}, {"^O", "\xc3\x94"},
	{"^U", "\xc3\x9b"}, {"^a", "\xc3\xa2"}, {"^e", "\xc3\xaa"}, {"^i", "\xc3\xae"},
	{"^o", "\xc3\xb4"}, {"^u", "\xc3\xbb"}, {"`A", "\xc3\x80"}, {"`E", "\xc3\x88"},
	{"`I", "\xc3\x8c"}, {"`O", "\xc3\x92"}, {"`U", "\xc3\x99"}, {"`a", "\xc3\xa0"},
	{"`e", "\xc3\xa8"}, {"`i", "\xc3\xac"}, {"`o", "\xc3\xb2"}, {"`u", "\xc3\xb9"},
	{"~A", "\xc3\x83"}, {"~N", "\xc3\x91"}, {"~O", "\xc3\x95"}, {"~a", "\xc3\xa3"},
	{"~n", "\xc3\xb1"}, {"~o", "\xc3\xb5"}, {"vS", "\xc5\xa0"}, {"vs", "\xc5\xa1"},
	{"vZ", "\xc5\xbd"}, {"vz", "\xc5\xbe"}, {",C", "\xc3\x87"}, {",c", "\xc3\xa7"},
	{"oA", "\xc3\x85"}, {"oa", "\xc3\xa5"}, {"*A", "\xce\x91"}, {"*B", "\xce\x92"},
	{"*G", "\xce\x93"}, {"*D", "\xce\x94"}, {"*E", "\xce\x95"}, {"*Z", "\xce\x96"},
	{"*Y", "\xce\x97"}, {"*H", "\xce\x98"}, {"*I", "\xce\x99"}, {"*K", "\xce\x9a"},
	{"*L", "\xce\x9b"}, {"*M", "\xce\x9c"}, {"*N", "\xce\x9d"}, {"*C", "\xce\x9e"},
	{"*O", "\xce\x9f"}, {"*P", "\xce\xa0"}, {"*R", "\xce\xa1"}, {"*S", "\xce\xa3"},
	{"*T", "\xce\xa4"}, {"*U", "\xce\xa5"}, {"*F", "\xce\xa6"}, {"*X", "\xce\xa7"},
	{"*Q", "\xce\xa8"}, {"*W", "\xce\xa9"}, {"*a", "\xce\xb1"}, {"*b", "\xce\xb2"},
	{"*g", "\xce\xb3"}, {"*d", "\xce\xb4"}, {"*e", "\xce\xb5"}, {"*z", "\xce\xb6"},
	{"*y", "\xce\xb7"}, {"*h", "\xce\xb8"}, {"*i", "\xce\xb9"}, {"*k", "\xce\xba"},
	{"*l", "\xce\xbb"}, {"*m", "\xce\xbc"}, {"*n", "\xce\xbd"}, {"*c", "\xce\xbe"},
	{"*o", "\xce\xbf"}, {"*p", "\xcf\x80"}, {"*r", "\xcf\x81"}, {"ts", "\xcf\x82"},
	{"*s", "\xcf\x83"}, {"*t", "\xcf\x84"}, {"*u", "\xcf\x85"}, {"*f", "\xcf\x95"},
	{"*x", "\xcf\x87"}, {"*q", "\xcf\x88"}, {"*w", "\xcf\x89"}, {"+h", "\xcf\x91"},
	{"+f", "\xcf\x86"}, {"+p", "\xcf\x96"}, {"+e", "\xcf\xb5"},
	/* clang-format on */
};

const char *man_character(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(characters); i++) {
		if (strlen(characters[i].name) == len &&
			memcmp(characters[i].name, name, len) == 0) {
			return characters[i].text;
		}
	}
	return NULL;
}
