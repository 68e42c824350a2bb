"""Each line of the specification of the command line (shared/design/cli-contract.md), and its tests.

All of them run the installed program: with pipes, files or a terminal of their own. The tests here are those
that no other file has.
"""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.cli.process import WarmBbp, command
from tests.cli.test_console import TEXT, on_terminal
from tests.conftest import REPOSITORY, SENTENCES, Bbp

# Line number: how it begins, and its tests, by file below tests/cli/ and name.
CONTRACT: dict[int, tuple[str, tuple[str, ...]]] = {
    7: ("`bbp summarize [PATHS", ("test_contract::test_every_command_is_there",)),
    8: ("`bbp evaluate DATA`", ("test_contract::test_every_command_is_there",)),
    9: (
        "`--count` tokens) · `bbp doctor`",
        (
            "tasks/test_summarize::test_the_count_of_extract_is_what_the_record_says",
            "models/test_hardware::test_doctor_names_everything_it_looked_at",
            "test_contract::test_every_command_is_there",
        ),
    ),
    10: (
        "There is no separate batch command",
        (
            "tasks/test_summarize::test_several_documents_are_summarized_in_order_with_one_model_load",
            "documents/test_inputs::test_lists_of_files_are_read_by_lines_or_nul",
            "documents/test_inputs::test_a_list_can_come_from_stdin",
        ),
    ),
    13: (
        "1. Paths given",
        (
            "documents/test_inputs::test_given_paths_mean_that_stdin_is_not_read",
            "documents/test_inputs::test_stdin_can_stand_among_files",
            "test_console::test_a_terminal_on_stdin_and_no_path_is_short_help",
            "documents/test_bad_input::test_closed_stdin_is_no_input",
            "test_main::test_wrong_usage_is_exit_2_and_one_line",
        ),
    ),
    14: (
        "2. Read bytes and decode",
        (
            "documents/test_bad_input::test_invalid_utf8_is_read_with_a_warning",
            "documents/test_bad_input::test_text_that_is_not_in_the_named_encoding_is_an_input_error",
            "test_contract::test_a_pdf_in_a_pipe_is_known_by_its_content",
        ),
    ),
    15: (
        "3. Text that is empty",
        (
            "documents/test_bad_input::test_an_unusable_file_ends_with_3_and_one_line",
            "documents/test_bad_input::test_bad_stdin_is_reported_as_a_bad_file",
        ),
    ),
    16: (
        "4. A `Document` keeps",
        (
            "tasks/test_summarize::test_every_offset_points_at_its_sentence_in_what_extract_prints",
            "commands/test_qa::test_an_answer_in_a_pdf_has_its_page",
            "output/test_citations::test_the_command_cites_pages",
        ),
    ),
    17: (
        "5. Nothing is cut silently",
        (
            "tasks/test_summarize::test_sentences_of_all_windows_compete",
            "tasks/test_summarize::test_truncate_reads_the_first_window_with_a_warning",
        ),
    ),
    20: (
        "6. stdout carries results only",
        (
            "test_contract::test_stdout_has_results_that_end_with_one_newline_and_stderr_the_rest",
            "documents/test_impossible_paths::test_headers_are_utf_8_whatever_the_locale",
        ),
    ),
    21: (
        "7. Content never depends",
        (
            "test_console::test_the_text_on_a_terminal_is_what_a_pipe_gets",
            "test_console::test_a_bar_is_shown_on_a_terminal_and_leaves_nothing_behind",
            "batch/test_progress::test_a_summary_appears_on_the_terminal_while_it_is_written",
        ),
    ),
    22: (
        "8. Several inputs as text",
        (
            "tasks/test_summarize::test_several_documents_are_summarized_in_order_with_one_model_load",
            "tasks/test_summarize::test_a_failed_input_still_has_its_line_in_order",
            "test_contract::test_a_record_is_in_the_pipe_before_the_next_document_is",
        ),
    ),
    23: (
        "9. `-o FILE`",
        (
            "output/test_destination::test_a_result_goes_to_the_named_file_and_not_to_stdout",
            "output/test_destination::test_an_output_folder_mirrors_the_inputs_and_keeps_their_extensions",
            "output/test_destination::test_two_inputs_for_one_output_stop_the_run_before_the_model_loads",
            "output/test_destination::test_an_existing_output_is_an_error_before_the_model_loads",
            "batch/test_interrupts::test_a_full_disk_ends_the_run_and_loses_nothing",
        ),
    ),
    24: (
        "10. NO_COLOR",
        (
            "test_main::test_colour_follows_the_option_then_the_environment",
            "test_console::test_the_default_on_a_terminal_colours_headers_only",
            "test_console::test_quiet_and_pipes_show_no_progress_bar",
            "test_contract::test_each_stream_is_judged_alone",
            "batch/test_progress::test_a_plain_line_comes_every_few_seconds",
        ),
    ),
    27: ("| code | meaning |", ("test_contract::test_the_contract_is_covered_line_by_line",)),
    28: ("| --- | --- |", ("test_contract::test_the_contract_is_covered_line_by_line",)),
    29: ("| 0 |", ("tasks/test_summarize::test_a_writing_model_prints_the_words_it_learned",)),
    30: ("| 1 |", ("test_main::test_an_unexpected_exception_is_called_a_bug",)),
    31: ("| 2 |", ("test_main::test_wrong_usage_is_exit_2_and_one_line",)),
    32: ("| 3 |", ("documents/test_bad_input::test_an_unusable_file_ends_with_3_and_one_line",)),
    33: (
        "| 4 |",
        (
            "models/test_names::test_a_model_that_is_not_cached_is_an_error_when_offline",
            "models/test_download_faults::test_wrong_content_is_refused_and_not_kept",
            "tasks/test_summarize::test_weights_of_another_model_are_a_model_error",
        ),
    ),
    34: (
        "| 5 |",
        (
            "models/test_hardware::test_a_missing_device_is_exit_5",
            "models/test_hardware::test_weights_that_do_not_fit_are_exit_5_with_their_size",
        ),
    ),
    35: ("| 6 |", ("batch/test_resume::test_one_bad_file_costs_itself_alone_wherever_it_stands",)),
    36: (
        "| 7 |",
        (
            "test_main::test_a_full_disk_is_an_output_error",
            "output/test_destination::test_a_place_that_cannot_be_written_is_an_output_error",
            "output/test_destination::test_an_existing_output_is_an_error_before_the_model_loads",
        ),
    ),
    37: ("| 8 |", ("batch/test_gates::test_truncated_text_is_unread_too",)),
    38: (
        "| 130 / 141 / 143 |",
        (
            "test_main::test_signals_end_the_process_with_their_codes",
            "test_main::test_a_reader_that_leaves_early_ends_the_process_silently",
        ),
    ),
    39: (
        "All inputs failed for one kind",
        (
            "tasks/test_summarize::test_all_inputs_failing_for_one_kind_give_its_code",
            "tasks/test_summarize::test_one_failed_input_is_one_record_and_one_line",
            "test_main::test_debug_shows_the_traceback_too",
        ),
    ),
    42: ("`id`, `task`", ("tasks/test_summarize::test_a_record_has_all_the_keys_of_the_schema",)),
    43: (
        "`summary` and `sentences`",
        (
            "tasks/test_summarize::test_a_record_has_all_the_keys_of_the_schema",
            "tasks/test_classify::test_the_record_says_how_each_window_voted",
            "commands/test_qa::test_an_answer_in_a_pdf_has_its_page",
        ),
    ),
    44: ("`coverage`", ("tasks/test_summarize::test_a_record_has_all_the_keys_of_the_schema",)),
    45: (
        "`model` {id",
        (
            "tasks/test_summarize::test_a_record_has_all_the_keys_of_the_schema",
            "tasks/test_summarize::test_records_are_byte_stable_but_for_timing",
            "tasks/test_summarize::test_one_failed_input_is_one_record_and_one_line",
        ),
    ),
    46: (
        "A failed input still gets its line",
        (
            "tasks/test_summarize::test_a_failed_input_still_has_its_line_in_order",
            "tasks/test_summarize::test_every_offset_points_at_its_sentence_in_what_extract_prints",
        ),
    ),
    49: (
        "flag > `BBP_*`",
        (
            "test_main::test_environment_variables_stand_in_for_options_and_options_win",
            "models/test_download::test_the_cache_is_the_one_that_huggingface_hub_reads",
            "models/test_download::test_the_token_is_sent_to_the_hub_only",
            "models/test_download::test_offline_uses_the_cache_and_nothing_else",
            "models/test_download::test_every_request_of_the_tests_is_recorded",
            "models/test_hardware::test_a_quota_of_at_most_one_processor_means_one_thread",
        ),
    ),
    # No test has a time limit: what makes help slow is an import.
    50: ("`bbp --help` answers", ("test_main::test_help_imports_nothing_heavy",)),
}
COMMANDS = ("summarize", "classify", "qa", "train", "evaluate", "models", "extract", "doctor")


def test_the_contract_is_covered_line_by_line(shared: Path) -> None:
    lines = (shared / "design/cli-contract.md").read_text(encoding="utf-8").splitlines()
    first = lines.index("## Commands") + 1
    said = {n: line for n, line in enumerate(lines, 1) if n > first and line and not line.startswith("#")}
    assert said.keys() == CONTRACT.keys()
    for number, (beginning, _) in CONTRACT.items():
        assert said[number].startswith(beginning)


def test_the_tests_of_the_contract_exist() -> None:
    for _, tests in CONTRACT.values():
        for test in tests:
            file, name = test.split("::")
            source = (REPOSITORY / "tests/cli" / f"{file}.py").read_text(encoding="utf-8")
            assert re.search(rf"^def {name}\(", source, re.MULTILINE), test


def test_every_command_is_there(bbp: Bbp) -> None:
    done = bbp("--help")
    assert (done.code, done.stderr) == (0, "")
    listed = re.findall(r"^  (\w+)  ", done.stdout, re.MULTILINE)
    assert set(COMMANDS) <= set(listed)
    for option in ("-h, --help", "--version", "--install-completion", "--show-completion"):
        assert option in done.stdout


def test_a_pdf_in_a_pipe_is_known_by_its_content(bbp: Bbp) -> None:
    data = (REPOSITORY / "examples/river-survey.pdf").read_bytes()
    done = bbp("extract", stdin=data)
    assert (done.code, done.stderr) == (0, "")
    assert done.stdout.startswith("The Return of the Trout: Five Years of Measurements on the\n")


def test_stdout_has_results_that_end_with_one_newline_and_stderr_the_rest(
    warm_bbp: Bbp, extractive: Path, tmp_path: Path
) -> None:
    (tmp_path / "ä.txt").write_text(" ".join(SENTENCES), encoding="utf-8")
    for options in ([], ["--json"], ["--cite"], ["--format", "md"]):
        done = warm_bbp("summarize", "--truncate", "--model", extractive, *options, "ä.txt", LC_ALL="C")
        assert done.code == 0
        assert done.stdout.endswith("\n")
        assert not done.stdout.endswith("\n\n")
        assert done.stderr.startswith("bbp: warning: ä.txt: --truncate: ")
        assert done.stderr.count("\n") == 1


def test_a_record_is_in_the_pipe_before_the_next_document_is(
    tmp_path: Path, extractive: Path, environment: dict[str, str]
) -> None:
    (tmp_path / "a.txt").write_text(TEXT)
    os.mkfifo(tmp_path / "later")
    words = command("summarize", "-q", "--json", "--model", str(extractive), "a.txt", "later")
    with subprocess.Popen(words, cwd=tmp_path, env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["id"] == "a.txt"
        (tmp_path / "later").write_text(TEXT)
        assert json.loads(process.stdout.readline())["id"] == "later"
    assert process.returncode == 0


@pytest.fixture
def two_files(tmp_path: Path) -> Path:
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text(TEXT)
    return tmp_path


def test_each_stream_is_judged_alone(
    warm_server: WarmBbp, extractive: Path, two_files: Path, environment: dict[str, str]
) -> None:
    arguments = ["summarize", "--model", extractive, "a.txt", "missing.txt", "b.txt"]
    code, stdout, _, shown = on_terminal(warm_server, arguments, two_files, environment, stderr=True)
    assert (code, "\x1b" in stdout, "\x1b" in shown) == (6, False, True)
    code, _, stderr, shown = on_terminal(warm_server, arguments, two_files, environment, stdout=True)
    assert (code, "\x1b" in stderr, "\x1b" in shown) == (6, False, True)
    for plain in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        _, _, _, shown = on_terminal(warm_server, arguments, two_files, {**environment, **plain}, stdout=True)
        assert "\x1b" not in shown
    done = warm_server.run(tuple(map(str, arguments)), b"", two_files, {**environment, "FORCE_COLOR": "1"})
    assert "\x1b[1m==> a.txt" in done.stdout
