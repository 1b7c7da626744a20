/** A person as the parts of Cairn know one: a user, and the DIDs the user holds. */
export interface Person {
  userId: string;
  dids: string[];
}

/** What one part stores about people. */
export interface PersonalData {
  /** All of it, by kind, as the person may read it. */
  export(person: Person): Promise<Record<string, unknown>>;
  /** Deletes it, or takes the person out of what has to stay. May be repeated, and killed anywhere. */
  erase(person: Person): Promise<void>;
}
