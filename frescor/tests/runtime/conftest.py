import pytest
from unsteady import UnsteadyStore, engine_on

from frescor._runtime.engine import Engine


@pytest.fixture
def store() -> UnsteadyStore:
    return UnsteadyStore()


@pytest.fixture
def engine(store: UnsteadyStore) -> Engine:
    return engine_on(store)
