/** A repository as a forge names it: the number is its identity, the name is for people and URLs. */
export interface RepositoryRef {
  readonly installation: number;
  readonly id: number;
  /** `owner/name` as it was called when this was read; a rename does not change `id`. */
  readonly fullName: string;
}

/** A person or bot as the forge names them. */
export interface Person {
  readonly id: number;
  readonly login: string;
  readonly bot: boolean;
}
