"""The questions of a run of `bbp qa`: the first word of the command line, or the lines of a file."""

from collections.abc import Sequence

from bbp_cli.documents.document import STDIN, display_name
from bbp_cli.documents.encodings import decode
from bbp_cli.documents.inputs import read_list
from bbp_cli.errors import InputError, UsageError
from bbp_cli.files import exists


def questions_and_paths(
    words: Sequence[str], file: str | None, files_from: str | None
) -> tuple[list[str], tuple[str, ...]]:
    """Return the question and the paths among words; all are paths where a file has the questions.

    No questions at all means that nothing was asked for. `files_from` is where more paths are listed.

    Raises:
        UsageError: the question or the file's name is empty, the question is a file, or stdin would be read
            twice.
        InputError: the file of questions cannot be used.
    """
    if file == "":
        raise UsageError("the name of the file of questions is empty")
    if file is not None:
        documents = [*words, *([files_from] if files_from else [])]
        if file == STDIN and (STDIN in documents or not documents):
            raise UsageError("--questions - reads stdin: documents must have names")
        return _listed(file), tuple(words)
    if not words:
        return [], ()
    question = words[0]
    if not question.strip():
        raise UsageError("the question is empty")
    if exists(question):
        raise UsageError(f"{question} is a file: the question comes before the paths")
    return [question], tuple(words[1:])


def _listed(file: str) -> list[str]:
    """Return the lines of a file that are not blank."""
    name = display_name(file)
    data = read_list(file, "the questions")
    if not data:
        raise InputError("holds no questions", file=name, code="empty")
    try:
        lines = decode(data, None).text.splitlines()
    except InputError as error:
        error.file = name
        raise
    questions = [line.strip() for line in lines if line.strip()]
    if not questions:
        raise InputError("holds no questions", file=name, code="empty")
    return questions
