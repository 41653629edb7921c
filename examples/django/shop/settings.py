import os

SECRET_KEY = "only for this example"
DEBUG = True
INSTALLED_APPS = ["django.contrib.contenttypes", "shop"]
ROOT_URLCONF = "shop.urls"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "shop.db"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {
    "default": {
        "BACKEND": "frescor.django.FrescorCache",
        "LOCATION": os.environ.get("REDIS_URL", "memory://"),
        "OPTIONS": {"namespace": "shop"},
    }
}
