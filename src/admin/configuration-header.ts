/**
 * The configuration file of the instance that a command is meant for, its real path percent-encoded.
 * Commands of another instance's are refused before they do anything: two instances may have been
 * given the same default socket, and only one of them has it.
 */
export const CONFIGURATION_HEADER = 'openclaw-configuration';
