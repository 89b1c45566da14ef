"""Databases behind whose walls tests look: one that a superuser opens, and one that belongs to a mere user."""

import asyncpg

from auraos.storage.postgres import migrate
from postgres_server import PostgresServer


async def owned_by_a_mere_user(postgres: PostgresServer) -> str:
    """Return the address of a new database with our tables, all of which belong to a user who is nothing else."""
    url = await postgres.create()
    name = url.partition("@/")[2].partition("?")[0]
    root = await asyncpg.connect(url)
    await root.execute(f'create role "{name}" login')
    await root.execute(f'alter database "{name}" owner to "{name}"')
    await root.execute(f'grant all on schema public to "{name}"')
    await root.close()
    url = url.replace("postgres@", f"{name}@")
    await migrate(url)
    return url


async def behind_walls(url: str, workspace: str = "") -> asyncpg.Connection:
    """Return a connection that works within a workspace; without one it says nothing of where it works."""
    connection = await asyncpg.connect(
        url, server_settings={"auraos.workspace": workspace} if workspace else {}
    )
    if "//postgres@" in url:
        await connection.execute("set role auraos_walled")
    return connection


def root_of(url: str) -> str:
    """Return the address by which a superuser comes to the same database."""
    scheme, _, rest = url.partition("//")
    return f"{scheme}//postgres@{rest.partition('@')[2]}"
