"""Forms: multipart bodies with one file, which is received into the blob store as it comes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Annotated, Any, Final

from aiohttp import web
from pydantic import BaseModel, ConfigDict, InstanceOf, ValidationError, WithJsonSchema

from syncer.domain.errors import FieldError, InvalidError, json_pointer
from syncer.ports.blobs import BlobStore, BlobWriter, ReceivedFile
from syncer.services.settings import field_errors
from syncer.web.multipart import FILE_MAX_BYTES, Part, parts_of, too_large
from syncer.web.text import text_fault

FILE: Final = "file"
_FIELD_MAX_BYTES: Final = 4_096


FormFile = Annotated[
    InstanceOf[ReceivedFile],
    WithJsonSchema({"type": "string", "format": "binary", "minLength": 1}),
]


class FormModel(BaseModel):
    """Form of a route: a ``file`` and fields of text; unknown parts are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    file: FormFile

    def told(self) -> Mapping[str, Any]:
        """Give the form as a JSON value that equals another's only if all was sent alike."""
        fields = self.model_dump(mode="json", exclude={FILE})
        file = {"name": self.file.name, "type": self.file.content_type}
        return {**fields, FILE: {**file, "sha256": self.file.blob.sha256}}


@asynccontextmanager
async def receive_form(
    request: web.Request, model: type[FormModel], blobs: BlobStore
) -> AsyncIterator[FormModel]:
    """Receive a form; what was received of the file lives as long as the block.

    Raises:
        RequestRefusedError: 415, 400 or 408, as for ``parts_of``.
        TooLargeError: the file is larger than 50 MiB.
        InvalidError: a part is missing, doubled, unknown or faulty.
    """
    async with blobs.receive() as writer:
        given: dict[str, Any] = {}
        async for part in parts_of(request):
            if part.name in given or part.name not in model.model_fields:
                known = part.name in given
                raise _invalid(part.name, "is given more than once" if known else "is not known")
            is_file = part.name == FILE
            given[part.name] = await (_file(part, writer) if is_file else _text(part))
        try:
            form = model.model_validate(given)
        except ValidationError as error:
            raise InvalidError("The form is not valid.", field_errors(error)) from None
        yield form


async def _file(part: Part, writer: BlobWriter) -> ReceivedFile:
    received = 0
    async for chunk in part.chunks:
        received += len(chunk)
        if received > FILE_MAX_BYTES:
            raise too_large()
        await writer.write(chunk)
    if not received:
        raise _invalid(FILE, "must not be empty")
    return ReceivedFile(
        name=part.filename or "",
        content_type=part.content_type,
        blob=await writer.finish(),
        keep=writer.keep,
    )


async def _text(part: Part) -> str:
    if part.filename is not None:
        raise _invalid(part.name, "must be a text, not a file")
    raw = bytearray()
    async for chunk in part.chunks:
        raw += chunk
        if len(raw) > _FIELD_MAX_BYTES:
            raise _invalid(part.name, f"must have at most {_FIELD_MAX_BYTES} bytes")
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise _invalid(part.name, "must be UTF-8") from None
    if fault := text_fault(text):
        raise _invalid(part.name, fault)
    return text


def _invalid(name: str, message: str) -> InvalidError:
    pointer = json_pointer(name.encode(errors="replace").decode())
    return InvalidError("The form is not valid.", [FieldError(pointer=pointer, message=message)])
