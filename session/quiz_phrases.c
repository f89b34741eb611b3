#include "session/quiz_phrases.h"

#include "base/mem.h"
#include "session/words.h"

#include <stdlib.h>
#include <string.h>

enum { PHRASES_MAX = 8 };

/* @ is the anchor. */
static const char *const phrases[QUIZ_N_KIND][PHRASES_MAX] = {
	[QUIZ_OPTION_DOES] = {"What happens when I pass @ to it?",
		"Which effect does giving @ have?",
		"I saw @ in somebody's script. What is it good for?",
		"Why would anybody type @ on the command line?",
		"What changes if @ is added to the call?",
		"In which way does the program behave differently with the switch @?",
		"Explain the purpose of @, please.", "When do people reach for @?"},
	[QUIZ_SETTING_VALUE] = {"Which value has been chosen for @?",
		"What has somebody configured for @?", "To what was @ adjusted?",
		"Look up the current choice for @.", "What stands behind @ in the configuration?",
		"How did they fill in @?"},
	[QUIZ_SETTING_MEANS] = {"What can I influence through @?",
		"What is the meaning of @ in a setup?",
		"Somebody touched @. What will go differently from today?",
		"For which reason does anyone define @?", "Which part of the behaviour hangs on @?",
		"What would an administrator adjust with @?"},
	[QUIZ_CODE_EXIT] = {"What does exit status @ mean?",
		"The command came back with @. How did it go?",
		"My script saw a return code of @: how should that be read?",
		"Under which circumstances does it finish with @?",
		"Which outcome is announced by a result of @?",
		"How do I interpret a @ in the shell's $?"},
	[QUIZ_CODE_ERROR] = {"Under which circumstances do I get @?",
		"My call came back with @. What went wrong?", "Which mishap is behind @?",
		"strace shows @. Tell me the reason.", "What am I being told by an errno of @?",
		"In which situation must a caller expect @?"},
	[QUIZ_CODE_SIGNAL] = {"Which event makes the kernel raise @?",
		"What does a process learn when @ arrives?", "Explain what @ stands for.",
		"Why would somebody send @?", "For which occasion does @ exist?",
		"My program was hit by @. What occurred?"},
	[QUIZ_CODE_DEFINE] = {"Which number hides behind @?", "What is the numeric value of @?",
		"How large is @?", "Which figure does the preprocessor put in place of @?",
		"If I print @, what comes out?", "Give me the constant that @ stands for."},
	[QUIZ_IDENTIFIER_FUNCTION] = {"Where does the implementation of @ begin?",
		"Which arguments does @ take?", "What is the signature of @?",
		"I want to change @: at which place does it start?",
		"What has to be handed to @ by its caller?", "Show me the head of the routine @.",
		"Which parameters stand in the definition of @?"},
	[QUIZ_IDENTIFIER_TYPE] = {"How is @ laid out?", "At which place is @ introduced?",
		"What comes first inside of @?", "Find the declaration of @ for me.",
		"How does the description of @ begin?", "Where is @ spelled out?"},
	[QUIZ_IDENTIFIER_MACRO] = {"Into what does @ expand?",
		"Which text does the preprocessor write for @?", "How is @ put together?",
		"What stands behind the macro @?", "Show the replacement that @ gets."},
	[QUIZ_TERM_MEANS] = {"What is meant by @?", "Describe @ in a sentence.",
		"I came across @. What is that?", "What would I use @ for?",
		"Explain the entry @ to a newcomer.", "Which role does @ play?",
		"How does the text characterise @?"},
	[QUIZ_SECTION_AUTHORS] = {"Who wrote this program?", "Whose work is it?",
		"Which people made it?", "Name the person behind this software.",
		"Who deserves thanks for having created it?"},
	[QUIZ_SECTION_REPORTING] = {"Where do I turn when I find a defect?",
		"To whom should a fault be announced?",
		"How do I tell the developers that something is broken?",
		"I hit a crash. Which address wants to hear of it?",
		"How can one get in touch about trouble with it?"},
	[QUIZ_SECTION_LICENCE] = {"Am I allowed to pass on copies?",
		"Under which terms may the program be given away?",
		"What are the conditions of use and redistribution?",
		"Is this free software, legally speaking?",
		"Who holds the rights in it, and what do they permit?"},
	[QUIZ_SECTION_FILES] = {"Which paths on disk does it touch?",
		"Where on my machine does it keep its data?",
		"Which places in the file system matter to it?",
		"From where does it load what it needs at start-up?",
		"What does it read and write on the hard disk?"},
	[QUIZ_SECTION_RETURN] = {"What does a caller get back when all goes well?",
		"How do I recognise from the result whether the call succeeded?",
		"What comes back to the calling code?",
		"Which result should I check after calling it?",
		"How is failure told apart from success by the result?"},
	[QUIZ_SECTION_BUGS] = {"What does not work properly yet?", "Which weaknesses are admitted?",
		"Are there known defects I should expect?", "What should I beware of?",
		"Where does it fall short?"},
	[QUIZ_SECTION_EXAMPLES] = {"Show me how it is used in practice.",
		"How would a typical call look?", "Give me something that I can copy and try.",
		"What does real-life usage look like?", "Demonstrate it with a sample."},
	[QUIZ_SECTION_RELATED] = {"What else should I read on this subject?",
		"Which neighbouring pages are worth opening?", "Where can I learn further?",
		"Name kindred documentation.", "What would be good reading afterwards?"},
	[QUIZ_SECTION_HISTORY] = {"When did it first appear?",
		"Where does it originally come from?",
		"How old is it, and what did it grow out of?", "Tell me about its past.",
		"In which release was it born?"},
	[QUIZ_SECTION_INSTALL] = {"How do I get it onto my machine?",
		"Which steps set it up for the first time?", "How is it compiled and put in place?",
		"What do I type before I can start using it?",
		"I have just downloaded it. How do I make it ready?"},
	[QUIZ_SECTION_REQUIRED] = {"What has to be there before it can run?",
		"Which other packages does it lean on?", "What must I have at hand beforehand?",
		"On which libraries does everything rest?", "Does it need anything else?"},
};

size_t quiz_phrase_count(enum quiz_kind kind)
{
	size_t count = 0;

	while (count < PHRASES_MAX && phrases[kind][count]) {
		count++;
	}
	return count;
}

void quiz_number_words(struct buf *out, int number)
{
	static const char *const small[] = {"zero", "one", "two", "three", "four", "five", "six",
		"seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen", "fourteen",
		"fifteen", "sixteen", "seventeen", "eighteen", "nineteen"};
	static const char *const tens[] = {"", "", "twenty", "thirty", "forty", "fifty", "sixty",
		"seventy", "eighty", "ninety"};

	if (number >= 100) {
		buf_printf(out, "%s hundred", small[number / 100 % 10]);
		number %= 100;
		if (!number) {
			return;
		}
		buf_addstr(out, " and ");
	}
	if (number < 20) {
		buf_addstr(out, small[number]);
		return;
	}
	buf_addstr(out, tens[number / 10]);
	if (number % 10) {
		buf_printf(out, "-%s", small[number % 10]);
	}
}

void quiz_phrase(
	struct buf *out, enum quiz_kind kind, size_t which, const char *anchor, int in_words)
{
	const char *text = phrases[kind][which];
	const char *mark = strchr(text, '@');

	if (!mark) {
		buf_addstr(out, text);
		return;
	}
	buf_add(out, text, (size_t)(mark - text));
	if (in_words && anchor[0] && strlen(anchor) <= 3 &&
		strspn(anchor, "0123456789") == strlen(anchor)) {
		quiz_number_words(out, atoi(anchor));
	} else {
		buf_addstr(out, anchor);
	}
	buf_addstr(out, mark + 1);
}

struct quiz_overlap quiz_overlap(
	const char *question, size_t len, const char *lines, size_t lines_len)
{
	struct quiz_overlap overlap = {0};
	struct word word, other;

	for (size_t at = 0; words_next(question, len, &at, &word);) {
		int is_shared = 0;

		if (words_is_stop(word)) {
			continue;
		}
		for (size_t i = 0; !is_shared && words_next(lines, lines_len, &i, &other);) {
			is_shared = words_related(word, other);
		}
		overlap.n_content++;
		overlap.n_shared += (size_t)is_shared;
	}
	return overlap;
}

int quiz_overlap_is_fair(struct quiz_overlap overlap)
{
	return overlap.n_content > 0 && 2 * overlap.n_shared <= overlap.n_content;
}
