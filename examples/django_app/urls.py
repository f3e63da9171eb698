"""The routes of the connector service."""

from django.urls import path

from . import views

urlpatterns = [
    path("connectors", views.Connectors.as_view()),
    path("connectors/<str:connector_id>", views.Connector.as_view()),
    path("connectors/<str:connector_id>/sync", views.Sync.as_view()),
    path("token", views.Token.as_view()),
]
