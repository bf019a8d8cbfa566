/** What the commands of `openclaw config` were given; each has some of these. */
export interface ConfigOptions {
  config?: string;
  json?: boolean;
  section?: string;
  file?: string;
  secrets?: boolean;
  effective?: boolean;
  dryRun?: boolean;
  replace?: boolean;
  fixTypography?: boolean;
}
