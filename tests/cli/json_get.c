/*
 * json_get PATH...: reads one JSON value on standard input and prints, one per line, what stands at
 * each path ("citations.0.verdict"; "." is all of it). Objects print their names, arrays their
 * length. Fails on invalid JSON, on anything after the value, and on a path that leads nowhere.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const json_t *follow(const json_t *value, char *path)
{
	char *save = NULL;

	for (char *name = strtok_r(path, ".", &save); name && value;
		name = strtok_r(NULL, ".", &save)) {
		value = json_is_array(value) ? json_array_get(value, strtoul(name, NULL, 10))
					     : json_object_get(value, name);
	}
	return value;
}

static void print_names(json_t *object)
{
	const char *separator = "", *name;
	json_t *value;

	json_object_foreach(object, name, value)
	{
		printf("%s%s", separator, name);
		separator = ",";
	}
	printf("\n");
}

static void print(const json_t *value)
{
	if (json_is_string(value)) {
		printf("%s\n", json_string_value(value));
	} else if (json_is_object(value)) {
		print_names((json_t *)value);
	} else if (json_is_array(value)) {
		printf("%zu\n", json_array_size(value));
	} else {
		char *text = json_dumps(value, JSON_ENCODE_ANY);

		printf("%s\n", text);
		free(text);
	}
}

int main(int argc, char **argv)
{
	json_error_t error;
	json_t *root = json_loadf(stdin, JSON_DECODE_ANY, &error);
	int status = 0;

	if (!root) {
		fprintf(stderr, "json_get: line %d: %s\n", error.line, error.text);
		return 1;
	}
	for (int i = 1; i < argc && status == 0; i++) {
		const json_t *value = follow(root, argv[i]);

		if (value) {
			print(value);
		} else {
			fprintf(stderr, "json_get: nothing stands at %s\n", argv[i]);
			status = 1;
		}
	}
	json_decref(root);
	return status;
}
