from django.urls import path

from shop import views

urlpatterns = [
    path("sales", views.show_sales),
    path("orders", views.order),
    path("terms", views.terms),
    path("visits", views.visits),
]
