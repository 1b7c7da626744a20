import { ENCRYPTED_COMMAND_FIELDS } from "../../api/commands/store";
import { ENCRYPTED_OFFER_FIELDS } from "../../api/credentials/offers/store";
import { ENCRYPTED_CREDENTIAL_FIELDS } from "../../api/credentials/store";
import { ENCRYPTED_EMAIL_CHALLENGE_FIELDS } from "../../api/devices/registration/store";
import { ENCRYPTED_DEVICE_SESSION_FIELDS } from "../../api/devices/store";
import { ENCRYPTED_OAUTH_FIELDS } from "../../api/oauth/store";
import { ENCRYPTED_FLOW_FIELDS } from "../../api/presentations/flow/store";
import { ENCRYPTED_PRESENTATION_FIELDS } from "../../api/presentations/store";
import { ENCRYPTED_USER_FIELDS } from "../../api/sessions/users/store";
import { ENCRYPTED_VERIFICATION_FIELDS } from "../../api/verification/store";
import type { EncryptedFields } from "../../core/keys/fieldCipher";

/** Every field that is encrypted: a rotation goes through them, and a key is in use while one of them needs it. */
export const ENCRYPTED_FIELDS: readonly EncryptedFields[] = [
  ENCRYPTED_USER_FIELDS,
  ENCRYPTED_DEVICE_SESSION_FIELDS,
  ENCRYPTED_EMAIL_CHALLENGE_FIELDS,
  ENCRYPTED_COMMAND_FIELDS,
  ENCRYPTED_CREDENTIAL_FIELDS,
  ENCRYPTED_OFFER_FIELDS,
  ENCRYPTED_VERIFICATION_FIELDS,
  ENCRYPTED_PRESENTATION_FIELDS,
  ENCRYPTED_FLOW_FIELDS,
  ENCRYPTED_OAUTH_FIELDS,
];
