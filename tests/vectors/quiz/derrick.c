/* The derrick: a mast, a jib and a rope. */
#include "derrick.h"

#define ROPE_STRANDS 7
#define JIB_STEPS 48
#define MAST_LIMIT 120
#define DRUM_TEETH 32
#define OIL_MAX_DEGREES 95
#define PULLEYS 5
#define LOAD_STEPS 250
#define SWING_DEGREES 170
#define HOOK_OPENING 18
#define BRAKE_PADS 6
#define COLD_STARTS 3
#define HORN_SECONDS 2

#define CLAMP_TO(x, low, high) ((x) < (low) ? (low) : (x) > (high) ? (high) : (x))
#define IS_SLACK(rope) ((rope)->tension < (rope)->least)

struct jib {
	double angle, reach;
	int is_locked;
};

struct mast {
	double height;
	struct jib jib;
};

enum weather {
	WEATHER_CALM,
	WEATHER_GUSTS,
	WEATHER_STORM,
};

static double rope_strain(const struct rope *rope, double load_tons)
{
	return load_tons / (rope->strands * rope->strength);
}

static int jib_turn(struct jib *jib, double degrees)
{
	if (jib->is_locked) {
		return -1;
	}
	jib->angle = CLAMP_TO(jib->angle + degrees, 0, SWING_DEGREES);
	return 0;
}

static void jib_lock(struct jib *jib, int lock)
{
	jib->is_locked = lock;
}

static void drum_heat(struct drum *drum, double degrees, int seconds)
{
	for (int i = 0; i < seconds && drum->oil < OIL_MAX_DEGREES; i++) {
		drum->oil += degrees / seconds;
	}
}

int mast_raise(struct mast *mast, double metres)
{
	if (mast->height + metres > MAST_LIMIT) {
		return -1;
	}
	mast->height += metres;
	return 0;
}

int brake_check(const struct brake *brake, enum weather weather)
{
	return brake->pads < BRAKE_PADS - (weather == WEATHER_CALM);
}

long crate_weigh(const struct crate *crate, const struct scale *scale)
{
	return crate->kilograms - scale->tare;
}

int hook_release(struct hook *hook, const struct crate *crate, int by_hand)
{
	if (!by_hand && crate->height > 0) {
		return -1;
	}
	hook->holds = 0;
	return 0;
}
