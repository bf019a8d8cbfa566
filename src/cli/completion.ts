/**
 * Shell completion. The scripts are small: each asks `openclaw __complete -- WORDS...`, which
 * knows the commands from commander and the settings from the schema.
 */
import { Argument, Command } from 'commander';
import { EXIT_CODES_HELP, type Io } from './io.ts';

/** Loaded where a setting is completed: most presses of Tab are about a command. */
const settings = () => import('./setting-names.ts');

const SHELLS = ['bash', 'zsh', 'fish'] as const;

export function completionCommand(io: Io): Command {
  return new Command('completion')
    .description('Print the completion script of a shell')
    .addArgument(new Argument('<shell>', 'your shell').choices(SHELLS))
    .addHelpText(
      'after',
      `
Examples:
  $ source <(openclaw completion bash)         # in ~/.bashrc
  $ source <(openclaw completion zsh)          # in ~/.zshrc, after compinit
  $ openclaw completion fish | source          # in ~/.config/fish/config.fish
${EXIT_CODES_HELP}`,
    )
    .action((shell: (typeof SHELLS)[number]) => io.out(SCRIPTS[shell]));
}

/** The hidden command that the scripts call. `program` holds all commands. */
export function completeCommand(io: Io, program: () => Command): Command {
  return new Command('__complete')
    .argument('[words...]')
    .allowUnknownOption()
    .action(async (words: string[]) => {
      const found = await completions(program(), words);
      if (found.length > 0) io.out(`${found.join('\n')}\n`);
    });
}

/** What may stand in place of the last word, which may be begun or empty. */
export async function completions(program: Command, words: readonly string[]): Promise<string[]> {
  const begun = words.at(-1) ?? '';
  let command = program;
  const given: string[] = [];
  for (const word of words.slice(0, -1)) {
    const inner = command.commands.find((one) => one.name() === word);
    if (inner !== undefined) command = inner;
    else given.push(word);
  }
  const offered = await candidates(command, given, begun);
  return offered.filter((word) => word.startsWith(begun));
}

async function candidates(
  command: Command,
  given: readonly string[],
  begun: string,
): Promise<string[]> {
  const last = given.at(-1);
  const options = withParents(command).flatMap((one) => one.options);
  const option = options.find((one) => last !== undefined && [one.long, one.short].includes(last));
  if (option?.long === '--section') return (await settings()).settingPaths('sections');
  if (option?.argChoices !== undefined) return option.argChoices;
  if (option !== undefined && (option.required || option.optional)) return [];
  if (begun.startsWith('-')) {
    return options.filter((one) => !one.hidden).map((one) => one.long ?? one.short!);
  }
  const inner = command.commands.map((one) => one.name()).filter((name) => !name.startsWith('_'));
  if (inner.length > 0) return inner;
  const words = given.filter((word) => !word.startsWith('-'));
  if (command.parent?.name() === 'config') {
    if (command.name() === 'set' && words.length % 2 === 1)
      return (await settings()).settingValues(words.at(-1)!);
    if (['get', 'set', 'unset'].includes(command.name()))
      return (await settings()).settingPaths('all');
  }
  return command.registeredArguments[words.length]?.argChoices ?? [];
}

/** The command and those it is part of, whose options it takes too. */
function withParents(command: Command): Command[] {
  return command.parent === null ? [command] : [command, ...withParents(command.parent)];
}

const SCRIPTS: Record<(typeof SHELLS)[number], string> = {
  bash: `_openclaw() {
  local words=("\${COMP_WORDS[@]:1:COMP_CWORD}")
  COMPREPLY=()
  local line
  while IFS= read -r line; do COMPREPLY+=("$line"); done \\
    < <("\${COMP_WORDS[0]}" __complete -- "\${words[@]}" 2>/dev/null)
}
complete -o default -F _openclaw openclaw openclaw-lb
`,
  zsh: `#compdef openclaw openclaw-lb
_openclaw() {
  local -a found
  found=("\${(@f)$("\${words[1]}" __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "\${found[1]}" ]]; then compadd -- "\${found[@]}"; else _files; fi
}
compdef _openclaw openclaw openclaw-lb
`,
  fish: `function __openclaw_complete
  set -l words (commandline -opc) (commandline -ct)
  $words[1] __complete -- $words[2..-1] 2>/dev/null
end
complete -c openclaw -a '(__openclaw_complete)'
complete -c openclaw-lb -a '(__openclaw_complete)'
`,
};
