/* What runs instead of screens.c where there is no libvterm. */
#include "tests/tap.h"

int main(void)
{
	tap_skip("screens", "built without libvterm");
	return tap_done();
}
