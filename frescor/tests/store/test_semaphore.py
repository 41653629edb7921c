import threading

from frescor._store.connection.semaphore import FastSemaphore


def test_no_more_hold_a_place_than_there_are_and_all_get_one() -> None:
    places, held, most = FastSemaphore(3), [0], [0]
    lock = threading.Lock()

    def work() -> None:
        for _ in range(300):
            with places:
                with lock:
                    held[0] += 1
                    most[0] = max(most[0], held[0])
                with lock:
                    held[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert most[0] <= 3


def test_whoever_waits_gets_the_place_that_is_given_back() -> None:
    places = FastSemaphore(1)
    places.acquire()
    got = threading.Event()

    def wait() -> None:
        with places:
            got.set()

    waiting = threading.Thread(target=wait)
    waiting.start()
    assert not got.wait(0.05)
    places.release()
    assert got.wait(10)
    waiting.join()
