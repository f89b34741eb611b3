#include "loaders/code_name.h"

#include "base/mem.h"

#include <string.h>
#include <strings.h>

/* Sorted by what people write most of; only ever searched whole. */
static const char *const extensions[] = {"c", "h", "cc", "cpp", "cxx", "hh", "hpp", "hxx", "inl",
	"ipp", "cu", "cuh", "cl", "m", "mm", "rs", "go", "py", "pyi", "pyx", "js", "mjs", "cjs",
	"jsx", "ts", "tsx", "java", "kt", "kts", "scala", "groovy", "cs", "fs", "fsx", "vb",
	"swift", "rb", "php", "pl", "pm", "lua", "tcl", "r", "jl", "hs", "lhs", "ml", "mli", "ex",
	"exs", "erl", "hrl", "clj", "cljs", "lisp", "lsp", "el", "scm", "rkt", "s", "asm", "f",
	"f77", "f90", "f95", "f03", "f08", "for", "pas", "pp", "adb", "ads", "d", "di", "nim",
	"zig", "v", "sv", "svh", "vh", "vhd", "vhdl", "sh", "bash", "zsh", "fish", "ksh", "ps1",
	"bat", "cmd", "awk", "sed", "sql", "proto", "thrift", "cmake", "mk", "mak", "ninja",
	"bazel", "bzl", "gradle", "gn", "gni", "nix", "tf", "hcl", "glsl", "vert", "frag", "comp",
	"hlsl", "wgsl", "metal", "css", "scss", "less", "vue", "svelte", "dart", "cob", "cbl",
	"coq", "lean", "agda", "ll", "td", "y", "yy", "l", "dts", "dtsi", "patch", "diff"};

static const char *const names[] = {"Makefile", "makefile", "GNUmakefile", "CMakeLists.txt",
	"meson.build", "meson_options.txt", "Dockerfile", "Containerfile", "Jenkinsfile",
	"Rakefile", "Gemfile", "Vagrantfile", "SConstruct", "SConscript", "BUILD", "WORKSPACE",
	"Kconfig", "Kbuild", "configure.ac", "justfile", "PKGBUILD"};

int code_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	const char *dot = strrchr(name, '.');

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strcmp(name, names[i]) == 0) {
			return 1;
		}
	}
	if (!dot || dot == name) {
		return 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(extensions); i++) {
		if (strcasecmp(dot + 1, extensions[i]) == 0) {
			return 1;
		}
	}
	return 0;
}
