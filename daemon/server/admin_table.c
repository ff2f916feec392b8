/*
 * The handlers of hallmarkctl's commands, a row each. The daemon does not start unless this table
 * and the table of commands name the same things.
 */
#include "admin.h"

/* clang-format off */
const struct admin_command admin_commands[] = {
	{ "status",         admin_status         },
	{ "init",           admin_init           },
	{ "unseal",         admin_unseal         },
	{ "seal",           admin_seal           },
	{ "rotate",         admin_rotate         },
	{ "vendor create",  admin_vendor_create  },
	{ "vendor list",    admin_vendor_list    },
	{ "vendor suspend", admin_vendor_suspend },
	{ "vendor resume",  admin_vendor_resume  },
	{ "token create",   admin_token_create   },
	{ "token list",     admin_token_list     },
	{ "token revoke",   admin_token_revoke   },
	{ "job list",       admin_job_list       },
	{ "job show",       admin_job_show       },
	{ "job cancel",     admin_job_cancel     },
	{ "release list",   admin_release_list   },
	{ "release unlock-key", admin_release_key },
	{ "webhook list",   admin_webhook_list   },
	{ "webhook log",    admin_webhook_log    },
	{ "webhook replay", admin_webhook_replay },
	{ "audit tail",     admin_audit_tail     },
	{ "audit verify",   admin_audit_verify   },
	{ "audit export",   admin_audit_export   },
	{ "db check",       admin_db_check       },
	{ "db backup",      admin_db_backup      },
	{ "db restore",     admin_db_restore     },
	{ "doctor",         admin_doctor         },
	{ "metrics",        admin_metrics        },
};
/* clang-format on */
const size_t admin_commands_n = COUNT(admin_commands);

admin_handler *
admin_command_of(const struct command *command)
{
	struct shape s;

	grammar_shape(command->grammar, &s);
	for (size_t i = 0; i < COUNT(admin_commands); i++)
		if (str_same(s.words, str_of(admin_commands[i].words)))
			return admin_commands[i].run;
	return NULL;
}

bool
admin_table_check(struct ctx *c)
{
	for (size_t i = 0; i < ctl_program.commands; i++)
		if (admin_command_of(&ctl_program.command[i]) == NULL)
			return fail(c, E_INTERNAL, "no handler for the command %s",
			    ctl_program.command[i].grammar);
	if (COUNT(admin_commands) != ctl_program.commands)
		return fail(c, E_INTERNAL, "%zu handlers for %zu commands",
		    COUNT(admin_commands), ctl_program.commands);
	return true;
}
