"""The reports, accounts and pictures of the photos' tests."""

from tests.photos.conftest import actor_of, bearer, folder, headers, kept, places, report

__all__ = ["actor_of", "bearer", "folder", "headers", "kept", "places", "report"]
