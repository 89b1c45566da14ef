"""The commands that ask a server, and by what it knows who asks."""

from auraos.cli.command import Chapter, Command

SERVER = Chapter(
    "Ask a server",
    (
        Command(
            "audit list", "auraos.cli.audit:list_entries", "List what was done, the newest first.", "server"
        ),
        Command("audit show", "auraos.cli.audit:show", "Show one entry of the audit trail.", "server"),
        Command("audit report", "auraos.cli.audit:report", "Count what was done in a period.", "server"),
        Command("audit export", "auraos.cli.audit:export", "Write the audit trail out.", "server"),
        Command(
            "audit head",
            "auraos.cli.audit:head",
            "Print the signed end of the audit trail, to keep it elsewhere.",
            "server",
        ),
        Command(
            "settings list",
            "auraos.cli.settings:list_settings",
            "List all settings and where they come from.",
        ),
        Command("settings get", "auraos.cli.settings:get", "Show one setting."),
        Command("settings set", "auraos.cli.settings:put", "Set something; it holds without a restart."),
        Command("settings clear", "auraos.cli.settings:clear", "Set something no more."),
        Command("settings history", "auraos.cli.settings:history", "Show who changed a setting, and how."),
        Command("login", "auraos.cli.login:login", "Let a server know you, and ask it from now on."),
        Command("logout", "auraos.cli.login:logout", "Forget by what a server knows you."),
        Command("profiles list", "auraos.cli.profiles:list_profiles", "List the servers that know you."),
        Command("profiles use", "auraos.cli.profiles:use", "Choose the server that commands ask."),
        Command("apply", "auraos.cli.folders:apply", "Make a workspace say what a folder says.", "server"),
        Command("export", "auraos.cli.folders:export", "Write a workspace as files.", "server"),
        Command("pull", "auraos.cli.folders:pull", "Bring a folder up to date with a workspace.", "server"),
        Command(
            "definitions list",
            "auraos.cli.definitions:list_definitions",
            "List the definitions of a workspace.",
            "server",
        ),
        Command(
            "definitions show",
            "auraos.cli.definitions:show",
            "Show a definition: its text and its versions.",
            "server",
        ),
        Command(
            "definitions publish",
            "auraos.cli.definitions:publish",
            "Publish the draft of a definition.",
            "server",
        ),
        Command(
            "definitions promote",
            "auraos.cli.promote:promote",
            "Publish versions of another workspace in this one.",
            "server",
        ),
        Command(
            "definitions roll-back",
            "auraos.cli.promote:roll_back",
            "Publish a former version again.",
            "server",
        ),
        Command("bindings list", "auraos.cli.promote:list_bindings", "List what is bound here.", "server"),
        Command(
            "bindings set",
            "auraos.cli.promote:bind",
            "Let something stand for a variable or secret.",
            "server",
        ),
        Command("bindings clear", "auraos.cli.promote:unbind", "Let it stand for itself again.", "server"),
        Command("definitions archive", "auraos.cli.definitions:archive", "Put a definition away.", "server"),
        Command(
            "definitions used-by",
            "auraos.cli.definitions:used_by",
            "Say which definitions call one.",
            "server",
        ),
        Command(
            "flags list", "auraos.cli.flags:list_flags", "List feature flags, and how they stand.", "server"
        ),
        Command("flags off", "auraos.cli.flags:switch_off", "Switch a flag off for everybody.", "server"),
        Command("flags on", "auraos.cli.flags:switch_on", "Let a flag give again what it says.", "server"),
        Command(
            "flags explain", "auraos.cli.flags:explain", "Say what a flag gives somebody, and why.", "server"
        ),
        Command(
            "secrets list",
            "auraos.cli.secrets:list_secrets",
            "List secrets, and where each may go.",
            "server",
        ),
        Command(
            "secrets set", "auraos.cli.secrets:set_", "Keep a secret, or another value of one.", "server"
        ),
        Command(
            "secrets test",
            "auraos.cli.secrets:try_secret",
            "Try a secret at a host that it is bound to.",
            "server",
        ),
        Command("secrets uses", "auraos.cli.secrets:uses", "Show who names and who used a secret.", "server"),
        Command("secrets revoke", "auraos.cli.secrets:revoke", "Destroy a version of a secret.", "server"),
        Command(
            "secrets delete", "auraos.cli.secrets:delete", "Delete a secret that nothing names.", "server"
        ),
        Command("secrets rotate", "auraos.cli.secrets:rotate", "Seal all secrets by a new key.", "server"),
        Command("encryption generate", "auraos.cli.encryption:generate_key", "Make a key of 32 bytes."),
        Command(
            "encryption keys",
            "auraos.cli.encryption:show_keys",
            "Show the keys of a workspace, but for the keys.",
            "server",
        ),
        Command("encryption rotate", "auraos.cli.encryption:rotate_key", "Seal all by a new key.", "server"),
        Command("encryption encrypt", "auraos.cli.encryption:encrypt", "Seal a text on this machine."),
        Command("encryption decrypt", "auraos.cli.encryption:decrypt", "Open what was sealed so."),
        Command("secrets kinds", "auraos.cli.secrets:kinds", "List the kinds of credentials.", "server"),
        Command(
            "access explain",
            "auraos.cli.access:explain",
            "Say whether somebody may do something, and why.",
            "server",
        ),
        Command("access roles", "auraos.cli.access:roles", "List roles, and what each may do.", "server"),
        Command("access grants", "auraos.cli.access:grants", "List who holds which role.", "server"),
        Command("access grant", "auraos.cli.access:grant", "Grant a role to somebody.", "server"),
        Command("access revoke", "auraos.cli.access:revoke", "Take a grant back.", "server"),
        Command("keys list", "auraos.cli.keys:list_keys", "List API keys.", "server"),
        Command("keys add", "auraos.cli.keys:add", "Make an API key.", "server"),
        Command("keys revoke", "auraos.cli.keys:revoke", "Let a key open nothing any more.", "server"),
        Command("services list", "auraos.cli.keys:list_services", "List service accounts.", "server"),
        Command("services add", "auraos.cli.keys:add_service", "Add a service account.", "server"),
        Command(
            "services remove", "auraos.cli.keys:remove_service", "Let go of a service account.", "server"
        ),
        Command("people list", "auraos.cli.people:list_people", "List people.", "server"),
        Command("people add", "auraos.cli.people:add", "Add a person.", "server"),
        Command("people reset", "auraos.cli.people:reset", "Let a person choose a password anew.", "server"),
        Command("people disable", "auraos.cli.people:disable", "Let a person in no more.", "server"),
        Command("people enable", "auraos.cli.people:enable", "Let a person in again.", "server"),
        Command("workspaces list", "auraos.cli.people:list_workspaces", "List workspaces.", "server"),
        Command("workspaces add", "auraos.cli.people:add_workspace", "Make a workspace.", "server"),
    ),
)
