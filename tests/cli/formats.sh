#!/bin/sh
# Every kind of file through the shipped program, its worker and the sandbox around it: what a
# library opens late (a converter of iconv, libmagic's database, a charset of mail) fails only there.
. "$CARREL_SOURCE/tests/cli/tap.sh"
shows="$CARREL count -m random --show"
vectors="$CARREL_SOURCE/tests/vectors"

# reads FILE WORDS: the file's text, as the model sees it, holds the words.
reads()
{
	run $shows "$1"
	ok "$1 is read" prints "$2"
}

# refuses FILE REASON: it is named, with the reason.
refuses()
{
	run $shows "$1"
	ok "$1 is named" says "$2"
}

# ---- encodings: ENCODING|TEXT; the text is long enough to tell it from its neighbours ----
while IFS='|' read -r encoding words; do
	name=$(echo "$encoding" | tr '[:upper:]' '[:lower:]').txt
	for i in 1 2 3 4 5 6; do echo "$words"; done | iconv -f UTF-8 -t "$encoding" >"$name"
	reads "$name" "$words"
done <<'END'
UTF-8|Größe, naïveté, Ελλάδα, Москва, 日本語
UTF-16|Die Pumpe läuft seit gestern nicht mehr
UTF-16LE|Die Pumpe läuft seit gestern nicht mehr
UTF-16BE|Die Pumpe läuft seit gestern nicht mehr
UTF-32|Die Pumpe läuft seit gestern nicht mehr
ISO-8859-1|Où est la clé du théâtre, à côté de la fenêtre ou à l'étage
WINDOWS-1252|Où est la clé du “théâtre”, à côté de l’étage
ISO-8859-2|Příliš žluťoučký kůň úpěl ďábelské ódy na večeři
WINDOWS-1250|Příliš žluťoučký kůň úpěl ďábelské ódy na večeři
WINDOWS-1251|Насос остановился в полдень, и клапан открыли вечером
KOI8-R|Насос остановился в полдень, и клапан открыли вечером
ISO-8859-7|Η αντλία σταμάτησε το μεσημέρι και η βαλβίδα άνοιξε
WINDOWS-1254|Pompa öğleyin durdu ve vana akşam açıldı, şimdi çalışıyor
WINDOWS-1255|המשאבה נעצרה בצהריים והשסתום נפתח בערב
WINDOWS-1256|توقفت المضخة عند الظهر وفتح الصمام في المساء
SHIFT_JIS|ポンプは正午に止まり、夜に弁が開いた。今日は雨です
EUC-JP|ポンプは正午に止まり、夜に弁が開いた。今日は雨です
ISO-2022-JP|ポンプは正午に止まり、夜に弁が開いた。今日は雨です
ISO-2022-KR|펌프는 정오에 멈추었고 밸브는 저녁에 열렸습니다
EUC-KR|펌프는 정오에 멈추었고 밸브는 저녁에 열렸습니다
GB18030|水泵在中午停止,阀门在晚上打开,今天下雨了
BIG5|水泵在中午停止,閥門在晚上打開,今天下雨了
END

# ---- markup and mail, in charsets of their own ----
printf '<meta charset=koi8-r><h1>%s</h1><p>x' 'Насос' | iconv -f UTF-8 -t KOI8-R >page.html
reads page.html '# Насос'
printf '\357\273\277<h1>Caf\303\251</h1>' >mark.html
reads mark.html '# Café'
printf '<p>one\0two' >nul.html
reads nul.html 'one two'
printf '<p>\330\247\331\204 <b>abc</b> \342\200\256x' >right_to_left.html
reads right_to_left.html 'ال abc '
headers='From: =?iso-8859-2?Q?=A9est?= <a@example.org>\nTo: b@example.org\nDate: today\nSubject: One\n'
printf "${headers}Content-Type: text/plain; charset=koi8-r\nContent-Transfer-Encoding: base64\n\nxMEK\n" >letter.eml
reads letter.eml 'да'
ok 'and its header' prints 'From: Šest <a@example.org>'
printf "From a@x Mon Jan  6 10:00:00 2020\n${headers}Content-Type: text/plain; charset=shift_jis\n\n\203\174\203\223\203\166\n" >box.mbox
reads box.mbox 'ポンプ'
printf '%s\n' '# Title' 'words' >notes.md
reads notes.md 'words'
printf '%s\n' 'Title' '=====' 'words' >notes.rst
reads notes.rst 'words'
printf '%s\n' '\section{Title}' 'words' >notes.tex
reads notes.tex 'words'
printf 'name,year\nanna,1900\n' >table.csv
reads table.csv 'anna,1900'
printf '.TH PUMP 8\n.SH NAME\npump \\- moves \\fBwater\\fP\n' >pump.8
reads pump.8 'pump - moves water'
printf '%s\n' 'int main(void)' '{' '}' >main.c
reads main.c 'int main(void)'

# ---- transcripts ----
printf '1\r\n00:00:01,000 --> 00:00:02,000\r\n<i>words</i>\r\n' >talk.srt
reads talk.srt '[00:00:01] words'
printf 'WEBVTT\n\n00:01.000 --> 00:02.000\n<v Ana>words\n' >talk.vtt
reads talk.vtt '[00:00:01] Ana: words'
printf '{"text":"","segments":[{"start":1,"end":2,"text":"words"}]}' >talk.json
reads talk.json '[00:00:01] words'
printf '{"role":"user","content":"words"}\n{"role":"assistant","content":"yes"}\n' >chat.jsonl
reads chat.jsonl 'user: words'
printf '[00:00:01] Ana: words\n[00:00:12] Bo: yes\n[00:00:25] Ana: no\n' >meeting.txt
reads meeting.txt '[00:00:01] Ana: words'

# ---- documents, packed files ----
for document in manual.docx manual.odt manual.fodt book2.epub book3.epub; do
	cp "$vectors/documents/$document" .
	reads "$document" "$(grep -m 1 '[[:alpha:]]' "$vectors/documents/$document.txt")"
done
for packer in gzip:gz xz:xz zstd:zst bzip2:bz2; do
	if command -v "${packer%:*}" >/dev/null; then
		"${packer%:*}" -c pump.8 >"pump.8.${packer#*:}"
		reads "pump.8.${packer#*:}" 'pump - moves water'
	else
		skip "pump.8.${packer#*:} is read" "there is no ${packer%:*}"
	fi
done

# ---- what is none of these, by libmagic ----
cp "$CARREL" program
refuses program 'is binary: ELF'
printf '\211PNG\r\n\032\n\0\0\0\rIHDR\0\0\0\001\0\0\0\001\010\006\0\0\0' >picture
refuses picture 'is a picture (PNG)'
tar cf notes.tar notes.md table.csv
refuses notes.tar 'is an archive'
finish
