"""Frescor does not see what Django's ORM reads and writes: each model says which tag its changes invalidate."""

from functools import partial

from django.core.cache import cache
from django.db import models, transaction
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver


class Order(models.Model):
    customer = models.CharField(max_length=80)
    cents = models.PositiveIntegerField()


@receiver([post_save, post_delete], sender=Order)
def invalidate_orders(using: str, **_: object) -> None:
    # After the commit: earlier, another process could store what it still reads. QuerySet.update sends no signal;
    # where you use it, call this yourself.
    transaction.on_commit(partial(cache.frescor.invalidate, "orders"), using=using)
