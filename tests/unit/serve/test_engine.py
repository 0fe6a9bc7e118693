from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from mien.predictor import Picture, Seen
from mien.serve.engine import Answered, Engine
from mien.serve.errors import ServiceError


class Predictor:
    """Says what it is told to: a number of faces, or an error in one of the two halves."""

    def __init__(self, jobs: int = 2, batch_size: int = 8) -> None:
        self.jobs, self.batch_size = jobs, batch_size
        self.looking, self.working = threading.Event(), threading.Event()
        self.looking.set()
        self.working.set()
        self.looked: list[str] = []
        self.batches: list[list[str]] = []

    def look(self, item: tuple[str, bytes]) -> Seen:
        name, data = item
        self.looked.append(name)
        assert self.looking.wait(20)
        if data == b"spoilt":
            raise RuntimeError(name)
        faces: Any = (object(),) * int(data or b"1")
        return Seen(name, np.zeros((3, 4, 3), np.uint8), faces)

    def classify(self, seen: list[Seen]) -> Iterator[Picture]:
        self.batches.append([one.source for one in seen])
        assert self.working.wait(20)
        if any(one.source == "trap" for one in seen):
            raise ValueError("trap")
        for one in seen:
            yield Picture(one.source, one.image, [], one.cuts)


@contextmanager
def running(predictor: Predictor, capacity: int = 64, faces: int = 50) -> Iterator[Engine]:
    engine = Engine(predictor, capacity, faces)  # type: ignore[arg-type]
    try:
        yield engine
    finally:
        predictor.looking.set()
        predictor.working.set()
        engine.close()


async def ask(engine: Engine, *names: str, data: bytes = b"1", seconds: float = 20) -> list[str]:
    engine.reserve(len(names))
    answered = await engine.answer([(name, data) for name in names], seconds)
    return [one.picture.source for one in answered]


async def until(condition: Any) -> None:
    for _ in range(2000):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it did not come about")


def test_answers_come_in_the_order_of_the_pictures() -> None:
    with running(Predictor()) as engine:
        assert asyncio.run(ask(engine, *"abcdef")) == list("abcdef")
        assert engine.held == 0


def test_room_is_taken_and_given_back() -> None:
    with running(Predictor(), capacity=3) as engine:
        engine.reserve(2)
        assert engine.held == 2
        with pytest.raises(ServiceError, match="holds 2 of 3 pictures") as refused:
            engine.reserve(2)
        assert (refused.value.code, refused.value.status) == ("overloaded", 503)
        assert refused.value.headers["Retry-After"] == "1"
        assert engine.held == 2
        engine.reserve()
        engine.release(3)
        assert engine.held == 0


def test_room_is_never_over_its_bound_when_many_ask_at_once() -> None:
    with running(Predictor(), capacity=10) as engine:
        most: list[int] = []

        def visit() -> None:
            for _ in range(300):
                try:
                    engine.reserve(3)
                except ServiceError:
                    continue
                most.append(engine.held)
                engine.release(3)

        crowd = [threading.Thread(target=visit) for _ in range(8)]
        for one in crowd:
            one.start()
        for one in crowd:
            one.join()
        assert max(most) <= 10
        assert engine.held == 0


def test_batches_grow_while_the_network_is_busy() -> None:
    predictor = Predictor(batch_size=5)
    predictor.working.clear()

    async def crowd(engine: Engine) -> None:
        first = asyncio.ensure_future(ask(engine, "first"))
        await until(lambda: predictor.batches)
        rest = asyncio.ensure_future(ask(engine, *"abcdefg"))
        await until(lambda: engine._found.qsize() == 7)
        predictor.working.set()
        assert [*await first, *await rest] == ["first", *"abcdefg"]

    with running(predictor) as engine:
        asyncio.run(crowd(engine))
    assert [len(batch) for batch in predictor.batches] == [1, 5, 2]


def test_a_timeout_drops_what_waits_and_gives_its_room_back() -> None:
    predictor = Predictor(jobs=1)
    predictor.looking.clear()

    async def late(engine: Engine) -> None:
        with pytest.raises(ServiceError, match=r"No answer within 0\.2 seconds") as refused:
            await ask(engine, "a", "b", "c", seconds=0.2)
        assert refused.value.status == 503
        assert engine.held == 1  # what is in work holds its room
        predictor.looking.set()
        await until(lambda: engine.held == 0)
        assert await ask(engine, "d") == ["d"]

    with running(predictor) as engine:
        asyncio.run(late(engine))
    assert predictor.looked == ["a", "d"]


def test_an_asker_who_leaves_is_forgotten() -> None:
    predictor = Predictor(jobs=1)
    predictor.looking.clear()

    async def left(engine: Engine) -> None:
        asker = asyncio.ensure_future(ask(engine, "a", "b"))
        await until(lambda: predictor.looked == ["a"])
        asker.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asker
        assert engine.held == 1
        predictor.looking.set()
        await until(lambda: engine.held == 0)

    with running(predictor) as engine:
        asyncio.run(left(engine))
    assert predictor.looked == ["a"]


def test_an_error_while_looking_reaches_only_its_asker() -> None:
    async def two(engine: Engine) -> list[Any]:
        return await asyncio.gather(
            ask(engine, "spoilt", data=b"spoilt"), ask(engine, "good"), return_exceptions=True
        )

    with running(Predictor()) as engine:
        spoilt, good = asyncio.run(two(engine))
        assert isinstance(spoilt, RuntimeError)
        assert good == ["good"]
        assert engine.held == 0


def test_an_error_in_the_network_reaches_only_its_batch() -> None:
    async def two(engine: Engine) -> None:
        with pytest.raises(ValueError, match="trap"):
            await ask(engine, "trap")
        assert await ask(engine, "good") == ["good"]
        assert engine.held == 0

    with running(Predictor()) as engine:
        asyncio.run(two(engine))


def test_closing_finishes_what_was_taken() -> None:
    predictor = Predictor(jobs=1)
    predictor.looking.clear()

    async def closing() -> list[str]:
        engine = Engine(predictor, 64, 50)  # type: ignore[arg-type]
        asked = asyncio.ensure_future(ask(engine, *"abcd"))
        await until(lambda: predictor.looked)
        closed = asyncio.ensure_future(asyncio.to_thread(engine.close))
        await asyncio.sleep(0.05)
        assert not closed.done()
        predictor.looking.set()
        await closed
        assert not engine._network.is_alive()
        return await asked

    assert asyncio.run(closing()) == list("abcd")


def test_closing_an_idle_engine_takes_no_time() -> None:
    begun = time.perf_counter()
    with running(Predictor()):
        pass
    assert time.perf_counter() - begun < 2


def test_only_so_many_faces_of_a_picture_are_answered() -> None:
    async def crowded(engine: Engine) -> list[Answered]:
        engine.reserve(2 * engine.room(keep=True))
        return await engine.answer([("crowd", b"5"), ("pair", b"2")], 20, keep=True)

    with running(Predictor(), faces=2) as engine:
        crowd, pair = asyncio.run(crowded(engine))
        assert engine.held == 0
    assert (len(crowd.picture.cuts), crowd.omitted) == (2, 3)
    assert (len(pair.picture.cuts), pair.omitted) == (2, 0)
    assert crowd.total > 0


def test_long_work_is_done_apart_from_the_loop() -> None:
    with running(Predictor()) as engine:
        name = asyncio.run(engine.apart(lambda: threading.current_thread().name))
    assert name.startswith("mien-look")


def test_pixels_are_kept_only_where_they_are_wanted() -> None:
    async def asked(engine: Engine, keep: bool) -> Answered:
        engine.reserve(engine.room(keep))
        (one,) = await engine.answer([("pair", b"2")], 20, keep=keep)
        return one

    with running(Predictor()) as engine:
        assert (engine.room(False), engine.room(True)) == (1, min(4, engine.capacity))
        plain, kept = (asyncio.run(asked(engine, keep)) for keep in (False, True))
    assert plain.picture.image is None
    assert plain.picture.cuts == ()
    assert len(kept.picture.cuts) == 2
    assert kept.picture.image is not None
    assert plain.size == kept.size == (4, 3)
