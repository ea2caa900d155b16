#!/usr/bin/env python3
"""Every rule of check.py and check_symbols.py: one sample that breaks it, one that does not."""

import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import check  # noqa: E402
import check_symbols  # noqa: E402
import cpp_text  # noqa: E402
import slowest_tus  # noqa: E402

TABLE = """\
reeve_library(base EXTERNAL ext_crypto PURE)
reeve_library(platform/posix DEPS base)
reeve_library(journal DEPS base PURE)
reeve_library(engine DEPS base journal PURE)
reeve_library(store/memory DEPS base journal)
reeve_library(store/sqlite DEPS base journal store/memory EXTERNAL ext_sqlite)
reeve_library(executor/shell DEPS base platform/posix)
reeve_library(host DEPS base executor/shell)
"""
RESULT_CC = """\
std::string_view to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::Invalid:
      return "invalid";
  }
  return "unknown";
}
"""
CLEAN = {
    "src/CMakeLists.txt": TABLE,
    "src/base/result.cc": RESULT_CC,
    "docs/errors/invalid.md": "# invalid\n",
    "docs/errors/rules.md": "# Rules\n",
}
for _folder in ("base", "platform", "journal", "engine", "store", "executor", "host"):
    CLEAN[f"src/{_folder}/README.md"] = "# A module\n"


class TreeTest(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.root)
        for path, text in CLEAN.items():
            self.write(path, text)

    def write(self, path, text):
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")

    def rules(self):
        return {finding.rule for finding in check.run(self.root)}

    def assert_finds(self, rule, path, text):
        self.write(path, text)
        found = [f for f in check.run(self.root) if f.rule == rule and f.path == path]
        self.assertTrue(found, f"{rule} not found in {text!r}")
        return found

    def assert_clean(self, path, text):
        self.write(path, text)
        self.assertEqual([], [str(f) for f in check.run(self.root)])

    def test_a_clean_tree_has_no_findings(self):
        self.assertEqual([], check.run(self.root))


class Bans(TreeTest):
    def test_each_ban_is_found_in_an_engine_source(self):
        samples = (
            "#include <format>\n",
            "auto s = std::format(\"x\");\n",
            "#include <regex>\n",
            "std::regex pattern;\n",
            "#include <iostream>\n",
            "void f() { std::cout << 1; }\n",
            "auto t = std::chrono::system_clock::now();\n",
            "auto t = std::chrono::steady_clock::now();\n",
            "auto t = time(nullptr);\n",
            "auto t = std::time(NULL);\n",
            "auto t = clock_gettime(CLOCK_REALTIME, &x);\n",
            "auto e = std::getenv(\"HOME\");\n",
            "auto e = getenv(\"HOME\");\n",
            "int r = rand();\n",
            "int r = std::rand();\n",
            "std::random_device device;\n",
            "void f() { std::this_thread::sleep_for(x); }\n",
            "void f() { usleep(10); }\n",
            "std::thread worker;\n",
            "std::jthread worker;\n",
            "#include <thread>\n",
            "std::mutex mutex;\n",
            "#include <sys/socket.h>\n",
            "#include <cassert>\n",
            "void f() { assert(true); }\n",
            "using namespace std;\n",
        )
        for sample in samples:
            with self.subTest(sample):
                self.assert_finds("ban", "src/engine/a.cc", sample)

    def test_a_disabled_test_is_found(self):
        self.assert_finds("ban", "src/engine/a_test.cc", "TEST(Engine, DISABLED_Walks) {}\n")

    def test_a_sleep_is_found_in_tests_too(self):
        text = "void f() { std::this_thread::sleep_for(x); }\n"
        self.assert_finds("ban", "tests/integration/a_test.cc", text)

    def test_comments_and_literals_are_not_code(self):
        self.assert_clean(
            "src/engine/a.cc",
            '// std::thread is not used here\n/* rand() */ const char* a = "std::regex";\n'
            'const char* b = R"x(std::cout << "now")x";\nconst char c = \'"\'; int d = 1\'000;\n',
        )

    def test_names_that_only_look_alike_are_fine(self):
        self.assert_clean(
            "src/engine/a.cc",
            "void f() { view.time(0); operand(1); static_assert(true); asleep(1); }\n",
        )

    def test_the_machine_is_reached_where_it_belongs(self):
        self.assert_clean(
            "src/platform/posix/a.cc",
            "void f() { clock_gettime(a, b); getenv(c); std::thread t; usleep(1); getrandom(d); }\n",
        )

    def test_tests_may_use_threads_and_clocks(self):
        self.assert_clean("src/store/a_test.cc", "#include <thread>\nstd::thread worker;\n")

    def test_co_await_with_a_brace_is_found(self):
        self.assert_finds(
            "co-await-brace", "src/host/a.cc", "auto f() {\n  auto r = co_await send({.a = 1});\n}\n"
        )

    def test_co_await_without_a_brace_is_fine(self):
        self.assert_clean(
            "src/host/a.cc",
            "auto f() {\n  auto ok = co_await send(x);\n  if (co_await send(y)) {\n    g();\n  }\n}\n",
        )

    def test_a_header_without_pragma_once_is_found(self):
        self.assert_finds("pragma-once", "src/engine/a.h", "int a();\n")


class Layers(TreeTest):
    def test_an_undeclared_dependency_is_found(self):
        self.assert_finds("layer", "src/journal/a.cc", '#include "engine/b.h"\n')

    def test_a_declared_dependency_is_fine(self):
        self.assert_clean("src/engine/a.cc", '#include "engine/a.h"\n#include "journal/b.h"\n')

    def test_an_adapter_that_includes_another_is_found_even_if_declared(self):
        found = self.assert_finds("layer", "src/store/sqlite/a.cc", '#include "store/memory/b.h"\n')
        self.assertIn("adapters never include each other", found[0].message)

    def test_an_adapter_may_stand_on_the_operating_system(self):
        self.assert_clean("src/executor/shell/a.cc", '#include "platform/posix/b.h"\n')

    def test_a_port_is_included_by_who_may_include_what_it_includes(self):
        self.write("src/store/ports.h", '#pragma once\n#include "journal/event.h"\n')
        self.assert_clean("src/engine/a.cc", '#include "store/ports.h"\n')
        self.assert_finds("layer", "src/host/a.cc", '#include "store/ports.h"\n')

    def test_a_port_that_includes_an_adapter_is_found(self):
        self.assert_finds(
            "layer", "src/store/ports.h", '#pragma once\n#include "store/sqlite/a.h"\n'
        )

    def test_sources_without_a_library_are_found(self):
        self.write("src/lost/a.h", "#pragma once\n")
        self.write("src/lost/a.cc", "int a;\n")
        self.assertIn("layer", self.rules())

    def test_a_third_party_header_elsewhere_is_found(self):
        self.assert_finds("third-party", "src/engine/a.cc", "#include <sqlite3.h>\n")

    def test_a_third_party_header_in_a_header_is_found(self):
        self.assert_finds(
            "third-party", "src/store/sqlite/a.h", "#pragma once\n#include <sqlite3.h>\n"
        )

    def test_a_third_party_header_at_home_is_fine(self):
        self.assert_clean("src/store/sqlite/a.cc", "#include <sqlite3.h>\n")


class Lengths(TreeTest):
    @staticmethod
    def function(lines, head="void f() {"):
        return head + "\n" + "  g();\n" * (lines - 2) + "}\n"

    def test_a_function_at_the_limit_is_fine(self):
        self.assert_clean("src/engine/a.cc", self.function(check.FUNCTION_LINES_MAX))

    def test_a_function_beyond_the_limit_is_found(self):
        found = self.assert_finds(
            "function-length", "src/engine/a.cc", self.function(check.FUNCTION_LINES_MAX + 1)
        )
        self.assertEqual(1, found[0].line)

    def test_a_member_function_after_initializers_is_found(self):
        text = "class A {\n public:\n" + self.function(
            80, "  A(int a, int b)\n      : a_{a}, b_(b) {"
        ) + "};\n"
        self.assert_finds("function-length", "src/engine/a.cc", text)

    def test_a_class_or_namespace_may_be_long(self):
        body = "  int a();\n" * 90
        self.assert_clean(
            "src/engine/a.cc",
            "namespace x {\ntemplate <class T>\nclass A : public B<decltype(f())> {\n"
            + body + "};\n}  // namespace x\n",
        )

    def test_a_table_may_be_long(self):
        self.assert_clean(
            "src/engine/a.cc", "constexpr Edge kEdges[] = {\n" + "  {A, B},\n" * 90 + "};\n"
        )

    def test_a_test_may_be_longer_but_not_endless(self):
        self.assert_clean("src/engine/a_test.cc", self.function(100, "TEST(A, B) {"))
        self.assert_finds(
            "function-length", "src/engine/a_test.cc", self.function(130, "TEST(A, B) {")
        )

    def test_a_long_file_is_a_warning_and_a_huge_one_a_finding(self):
        self.write("src/engine/a.cc", "int a();\n" * 600)
        self.assertEqual([True], [f.warning for f in check.run(self.root)])
        self.write("src/engine/a.cc", "int a();\n" * 800)
        self.assertEqual([False], [f.warning for f in check.run(self.root)])


class Text(TreeTest):
    def test_left_overs_are_found(self):
        for word in ("TO" + "DO", "FIX" + "ME", "XX" + "X"):
            with self.subTest(word):
                self.assert_finds("left-over", "src/engine/a.cc", f"// {word} later\n")

    def test_a_template_for_mkstemp_is_fine(self):
        self.assert_clean("src/engine/a.cc", 'const char* name = "a.' + "X" * 6 + '";\n')

    def test_commented_out_code_is_found(self):
        for line in ("return a;", "a.b(c);", "int a = 1;", "if (a) {", "}", "#include <map>"):
            with self.subTest(line):
                self.assert_finds("dead-code", "src/engine/a.cc", f"// {line}\n")

    def test_prose_and_contracts_are_no_code(self):
        self.assert_clean(
            "src/engine/a.cc",
            "// Waits (see above); the caller\n// returns; nothing is lost.\n/// `return f(x);`\n",
        )

    def test_a_module_without_readme_is_found(self):
        (self.root / "src/host/README.md").unlink()
        self.write("src/host/a.cc", "int a;\n")
        self.assertIn("readme", self.rules())

    def test_an_error_code_without_page_is_found(self):
        (self.root / "docs/errors/invalid.md").unlink()
        self.assertIn("error-page", self.rules())

    def test_a_page_without_error_code_is_found(self):
        self.assert_finds("error-page", "docs/errors/mystery.md", "# mystery\n")

    def test_a_rule_without_description_is_found(self):
        self.assert_finds("error-page", "src/workflow/a.cc", 'problem.rule = "self-need";\n')

    def test_a_described_rule_is_fine(self):
        self.write("src/CMakeLists.txt", TABLE + "reeve_library(workflow DEPS base)\n")
        self.write("src/workflow/README.md", "# A module\n")
        self.write("docs/errors/rules.md", "# Rules\n\n## `cycle`\n\n### `not-text`\n")
        self.assert_clean(
            "src/workflow/a.cc",
            'void f() {\n  problems.error("cycle", at);\n  g(big ? "cycle" : "not-text", at);\n}\n',
        )

    def test_a_rule_without_a_row_in_the_table_is_found(self):
        self.write("docs/errors/rules.md", "# Rules\n\n### `cycle`\n\n### `self-need`\n")
        self.write(
            "src/workflow/lint/rules.h", '#pragma once\n    {"cycle", Severity::Error, "a", "b"},\n'
        )
        self.assert_finds("error-page", "src/workflow/a.cc", 'problem.rule = "self-need";\n')

    def test_a_row_of_the_table_without_description_is_found(self):
        self.assert_finds(
            "error-page",
            "src/workflow/lint/rules.h",
            '#pragma once\n    {"cycle", Severity::Error, "a", "b"},\n',
        )

    def test_a_described_rule_that_nothing_reports_is_a_warning(self):
        found = self.assert_finds(
            "error-page", "docs/errors/rules.md", "# Rules\n\n## `no-such-rule`\n"
        )
        self.assertTrue(found[0].warning)

    def test_paths_of_one_machine_are_found(self):
        for path in ("/wo" + "rk/main/x", "/ro" + "ot/x", "/tm" + "p/b/x"):
            with self.subTest(path):
                self.assert_finds("machine-path", "docs/a.md", f"see {path}\n")

    def test_relative_paths_are_fine(self):
        self.assert_clean("docs/a.md", "see runs/x/work/main.log and src/root/x\n")

    def test_white_space_at_the_end_is_found(self):
        self.assert_finds("white-space", "docs/a.md", "two words \n")

    def test_a_missing_line_end_is_found(self):
        self.assert_finds("white-space", "docs/a.md", "two words")

    def test_a_tab_is_found(self):
        self.assert_finds("white-space", "src/engine/a.cc", "\tint a;\n")

    def test_a_link_to_nowhere_is_found(self):
        self.assert_finds("link", "docs/a.md", "[here](missing.md)\n")

    def test_links_that_lead_somewhere_are_fine(self):
        self.assert_clean(
            "docs/a.md", "[a](errors/invalid.md#x) [b](#top) [c](https://example.org/x)\n"
        )


class CppText(unittest.TestCase):
    def test_lines_are_kept(self):
        text = 'a /* b\nc */ "d\\"e" // f\nR"x(g\nh)x" i\n'
        code, comments = cpp_text.split_text(text)
        self.assertEqual(text.count("\n"), code.count("\n"))
        self.assertEqual(text.count("\n"), comments.count("\n"))
        self.assertIn("i", code)
        self.assertNotIn("e", code)
        self.assertIn("// f", comments)

    def test_functions_are_named(self):
        text = (
            "namespace a {\nint f(int x) {\n  if (x) {\n    g([] { h(); });\n  }\n}\n"
            "struct S {\n  int m() const { return 1; }\n};\nauto k = Config{.a = 1};\nvoid z() {\n}\n}\n"
        )
        names = [(name, lines) for _, name, lines in cpp_text.functions(text)]
        self.assertEqual([("f", 5), ("m", 1), ("z", 2)], names)


class Symbols(unittest.TestCase):
    def test_each_group_is_refused(self):
        for symbol in (
            "clock_gettime", "gettimeofday", "time", "getenv", "getrandom@GLIBC_2.25", "rand",
            "random", "usleep", "nanosleep", "socket", "connect", "pthread_create", "open", "fopen",
            "std::chrono::_V2::system_clock::now()", "std::chrono::_V2::steady_clock::now()",
            "std::random_device::_M_getval()", "std::thread::_M_start_thread(x)",
            "std::basic_filebuf<char, std::char_traits<char> >::open(char const*)",
            "std::filesystem::status(std::filesystem::__cxx11::path const&)",
        ):
            with self.subTest(symbol):
                self.assertIsNotNone(check_symbols.replacement_for(symbol))

    def test_harmless_symbols_pass(self):
        for symbol in (
            "memcpy", "strtod", "operator new(unsigned long)", "reeve::run_time(int)",
            "reeve::open(int)", "std::__throw_length_error(char const*)", "timeout", "abort",
            "std::filesystem::__cxx11::path::_M_split_cmpts()",
        ):
            with self.subTest(symbol):
                self.assertIsNone(check_symbols.replacement_for(symbol))

    def test_an_object_file_that_reads_the_clock_is_refused(self):
        compiler = shutil.which("clang-19") or shutil.which("cc")
        if compiler is None:
            self.skipTest("no C compiler")
        with tempfile.TemporaryDirectory() as folder:
            source = pathlib.Path(folder, "a.c")
            source.write_text(
                "#include <time.h>\nlong f(void) { struct timespec t; clock_gettime(0, &t);"
                " return t.tv_sec; }\n",
                encoding="utf-8",
            )
            target = str(pathlib.Path(folder, "a.o"))
            subprocess.run([compiler, "-c", str(source), "-o", target], check=True)
            findings = check_symbols.scan(target)
        self.assertEqual(1, len(findings))
        self.assertIn("clock_gettime", findings[0])

    def test_a_missing_library_is_an_error(self):
        stderr, sys.stderr = sys.stderr, open("/dev/null", "w", encoding="utf-8")
        try:
            self.assertEqual(2, check_symbols.main(["/nonexistent/library.a"]))
        finally:
            sys.stderr.close()
            sys.stderr = stderr


class SlowestUnits(unittest.TestCase):
    LOG = (
        "# ninja log v5\n0\t1500\t0\tsrc/CMakeFiles/reeve_base.dir/base/json.cc.o\tx\n"
        "0\t9000\t0\tsrc/libreeve_base.a\tx\n"
        "0\t2500\t0\tsrc/CMakeFiles/reeve_base.dir/base/hash.cc.o\tx\n"
        "0\t500\t0\tsrc/CMakeFiles/reeve_base.dir/base/hash.cc.o\ty\n"
    )

    def test_the_latest_build_of_each_object_counts(self):
        seconds = slowest_tus.read_log(self.LOG)
        self.assertEqual([1.5, 0.5], [s for _, s in slowest_tus.slowest(seconds, 10)])

    def test_names_are_readable(self):
        name = slowest_tus.readable("src/CMakeFiles/reeve_base.dir/base/json.cc.o")
        self.assertEqual("reeve_base: base/json.cc", name)


if __name__ == "__main__":
    unittest.main()
