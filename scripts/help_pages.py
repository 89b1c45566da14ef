"""Write the help page of every command from the code: `python scripts/help_pages.py`."""

from auraos.cli.commands import CHAPTERS
from auraos.cli.front import build_app
from auraos.cli.help import FOLDER, command_page, file_name

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    commands = [command.words for chapter in CHAPTERS for command in chapter.commands]
    for stale in {file.name for file in FOLDER.iterdir()} - set(map(file_name, commands)):
        (FOLDER / stale).unlink()
    app = build_app()
    for words in commands:
        (FOLDER / file_name(words)).write_text(command_page(app, words), encoding="utf-8")
