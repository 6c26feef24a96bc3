"""Exercises as the sources state them: complete, and told apart where they are not."""

import pytest

from bookkit import exercises, lint, notebooks

WHOLE = """
````{exercise} A title
:label: ex-1

*Hard, 45 minutes.*
Do `this`.
````

```{code-cell}
answer = ...
```

```{code-cell}
judge = Check("ex-1", 3, {"one more": 4})
judge(answer)
```

````{solution-start} ex-1
:class: dropdown
````

```{code-cell}
judge.solution(3)
```
"""


def test_what_a_whole_exercise_states():
    (one,) = exercises.of_text("10_page", WHOLE)
    assert (one.title, one.label, one.difficulty, one.minutes) == ("A title", "ex-1", "hard", "45")
    assert one.checked and one.problems() == []


@pytest.mark.parametrize(
    "effort",
    ["*Easy, 5 minutes.*", "**Difficulty:** easy, 5 min.", "*Difficulty: easy. About 5 minutes.*"],
)
@pytest.mark.parametrize("block", ["exercise", "exercise-start"])
def test_ways_to_write_the_effort(effort, block):
    source = WHOLE.replace("*Hard, 45 minutes.*", effort).replace("{exercise}", f"{{{block}}}")
    (one,) = exercises.of_text("10_page", source)
    assert (one.difficulty, one.minutes) == ("easy", "5")


@pytest.mark.parametrize(
    ("cut", "missing"),
    [
        (" A title", "title"),
        (":label: ex-1\n", "label"),
        ("*Hard, 45 minutes.*", "minutes"),
        ("Hard, ", "difficulty"),
    ],
)
def test_what_is_missing_is_named(cut, missing):
    (one,) = exercises.of_text("10_page", WHOLE.replace(cut, "", 1))
    assert any(missing in line and "10_page" in line for line in one.problems())


def test_efforts_of_a_later_exercise_are_not_taken():
    first = WHOLE.replace("*Hard, 45 minutes.*", "")
    one, two = exercises.of_text("10_page", first + WHOLE.replace("ex-1", "ex-2"))
    assert one.minutes == "" and two.minutes == "45"


def test_a_check_without_its_solution_is_no_check():
    assert not exercises.of_text("p", WHOLE.replace("judge.solution(3)", "3"))[0].checked
    assert not exercises.of_text("p", WHOLE.replace('Check("ex-1"', 'Check("ex-2"'))[0].checked


def test_the_linter_names_an_incomplete_exercise(tmp_path):
    path = tmp_path / "10_page.md"
    path.write_text(WHOLE.replace(" A title", ""))
    assert any("has no title" in line for line in lint.problems(path))


@pytest.mark.parametrize("name", notebooks.names())
def test_every_exercise_of_the_book_is_complete(name):
    assert [line for one in exercises.of_page(name) for line in one.problems()] == []
