"""Which APIError an exception is."""

import asyncio
import json

import msgspec
import pytest
from werkzeug.exceptions import Gone, NotFound

import errorshape
from errorshape import ConflictError, ErrorLayer, NotFoundError, ValidationError, validating


class StoreError(Exception):
    pass


class LockedStoreError(StoreError):
    pass


def translate(exc, **translations):
    return ErrorLayer(translate={StoreError: ConflictError, **translations}).translate(exc)


def test_an_error_is_itself():
    """The application has decided."""
    error = NotFoundError()

    assert translate(error) is error


def test_a_translation_is_found_by_the_class_or_a_base():
    """As `except` would."""
    exc = LockedStoreError("secret")
    error = translate(exc)

    assert type(error) is ConflictError
    assert error.message == ConflictError.message
    assert error.__cause__ is exc


@pytest.mark.parametrize(
    "made",
    [lambda exc: ConflictError(str(exc)), lambda exc: ConflictError],
    ids=["instance", "class"],
)
def test_a_callable_makes_the_error(made):
    """It may use the exception."""
    layer = ErrorLayer(translate={StoreError: made})

    assert isinstance(layer.translate(StoreError("locked")), ConflictError)


def test_a_cause_of_its_own_is_kept():
    """The callable knows better."""

    def made(exc):
        error = ConflictError()
        error.__cause__ = KeyError("x")
        return error

    assert isinstance(
        ErrorLayer(translate={StoreError: made}).translate(StoreError()).__cause__, KeyError
    )


def test_a_translation_is_made_once_for_an_answer():
    """What is reported is what is sent."""
    made, told = [], []

    def translated(exc):
        made.append(ConflictError())
        return made[-1]

    layer = ErrorLayer(translate={StoreError: translated}, on_error=[lambda *it: told.append(it)])
    layer.answer(StoreError())

    assert len(made) == 1
    assert told[0][0] is made[0]


@pytest.mark.parametrize("made", [lambda exc: None, lambda exc: 1 / 0], ids=["nothing", "raises"])
def test_a_callable_that_fails_is_logged_and_expects_nothing(made, caplog):
    """The failure of a translation is not the client's; the original is not hidden."""
    layer = ErrorLayer(translate={StoreError: made})

    response = layer.answer(StoreError("secret"))

    assert (response.status, b"secret" in response.body) == (500, False)
    assert "The translation of StoreError failed" in caplog.text
    assert "StoreError: secret" in caplog.text


def test_what_nobody_expects_is_none():
    """It becomes an internal error."""
    assert translate(ValueError()) is None


def test_a_group_of_one_is_that_one():
    """However deep."""
    group = ExceptionGroup("", [ExceptionGroup("", [StoreError()])])

    assert isinstance(translate(group), ConflictError)


def test_a_group_of_several_is_unexpected():
    """Nobody knows which one counts."""
    assert translate(ExceptionGroup("", [NotFoundError(), ConflictError()])) is None


def test_a_translation_comes_before_the_frameworks_own():
    """§5: the application first."""
    layer = ErrorLayer(translate={NotFound: ConflictError})

    assert isinstance(layer.translate(NotFound()), ConflictError)
    assert layer.translate(Gone()).code == "gone"


def malformed():
    json.loads("{")


def test_validating_makes_it_the_clients_error():
    """400 with the fields, and the validator's error as the cause."""
    with pytest.raises(ValidationError) as caught, validating():
        malformed()

    assert list(caught.value.details) == ["$"]
    assert isinstance(caught.value.__cause__, json.JSONDecodeError)


@pytest.mark.parametrize("exc", [ValueError(), NotFoundError(), KeyboardInterrupt()], ids=repr)
def test_validating_lets_everything_else_through(exc):
    """What is no validator's error is for somebody else."""
    with pytest.raises(type(exc)) as caught, validating():
        raise exc

    assert caught.value is exc


def test_validating_without_a_failure_changes_nothing():
    """The value comes out, as does the function's name."""

    @validating()
    def answer(value: int) -> int:
        return value + 1

    assert (answer(1), answer.__name__) == (2, "answer")


def test_validating_decorates_functions():
    """The whole function is the block."""
    with pytest.raises(ValidationError):
        validating()(malformed)()


def test_validating_decorates_coroutine_functions():
    """The block ends when the coroutine does."""

    @validating()
    async def later():
        await asyncio.sleep(0)
        malformed()

    with pytest.raises(ValidationError):
        asyncio.run(later())


def generator():
    yield


async def async_generator():
    yield


@pytest.mark.parametrize("function", [generator, async_generator])
def test_validating_refuses_generators(function):
    """Their bodies run when the call has long returned."""
    with pytest.raises(TypeError, match=f"the generator {function.__name__}: write"):
        errorshape.validating()(function)


def invalid():
    """Return an error of msgspec's as a decoder raises it."""
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.json.decode(b'{"a": "x"}', type=dict[str, int])
    return caught.value


@pytest.mark.parametrize("cls", [ValidationError, errorshape.UnprocessableEntityError])
def test_a_validators_error_that_is_translated_has_its_details(cls):
    """One line makes a validator's errors the client's everywhere."""
    exc = invalid()

    error = ErrorLayer(translate={msgspec.ValidationError: cls}).translate(exc)

    assert type(error) is cls
    assert error.details == {"*": "Expected `int`, got `str`"}
    assert error.__cause__ is exc


def test_details_of_the_applications_own_are_kept():
    """A callable has decided what is said."""
    own = {"query": "not valid"}

    # By its own class: in older versions of msgspec it is no ValueError.
    translate = {msgspec.ValidationError: lambda exc: ValidationError(details=own)}
    layer = ErrorLayer(translate=translate)

    assert layer.translate(invalid()).details == own


def test_a_validators_error_that_is_not_the_clients_has_no_details():
    """What an upstream has sent is nobody's business."""
    layer = ErrorLayer(translate={msgspec.ValidationError: errorshape.BadGatewayError})

    assert layer.translate(invalid()).details is None


def test_an_error_that_is_a_group_is_that_error_where_bodies_are_kept():
    """Not the one exception in it, though that is a framework's, which would keep its body."""

    class ManyError(errorshape.APIError, ExceptionGroup):
        code, status = "many", 409

        def __new__(cls, *leaves):
            return ExceptionGroup.__new__(cls, "many", leaves)

        def __init__(self, *leaves):
            super().__init__("Many.")

    response = ErrorLayer(reshape="none").respond(ManyError(NotFound()))

    assert response.status == 409
    assert json.loads(response.body)["error"]["code"] == "many"
