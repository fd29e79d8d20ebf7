"""What all queries share: adding a row unless there is one."""

from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from library.tables import Base


async def add_unless_there(session: AsyncSession, table: type[Base], **values: Any) -> None:
    """Insert a row; where a unique one like it exists, or is being inserted by another, that one stays."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    await session.execute(dialect.insert(table).values(**values).on_conflict_do_nothing())
