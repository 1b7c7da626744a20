// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// @dev The role of the delegates that may change the status of an issuer's credentials: `"status"`, left-aligned.
bytes32 constant STATUS_ROLE = "status";

/**
 * @title Credential status
 * @notice Two bits for every credential an issuer may ever give out: revoked, which is final, and suspended, which
 * can be lifted. They live in words of 256, and anyone can read them.
 *
 * A credential id names its issuer: `credId = bytes32(issuer (20 bytes) || uint96 index)`. Who may change a status
 * therefore follows from the id itself, and there is nothing to reserve, to squat or to front-run.
 *
 * Word `index >> 8` holds the bit of `index`, most significant bit first, so that the words of an issuer, written
 * big-endian one after the other, are byte for byte a W3C Bitstring (Bitstring Status List v1.0, section 3.2): index 0
 * is the most significant bit of the first byte.
 *
 * Every function that writes asks that the issuer is registered and not deactivated, and that the caller, or the
 * signer of a `...For` call, is the issuer's controller or a delegate of it with `STATUS_ROLE` that has not expired.
 */
interface ICredentialStatus {
    /// @notice What a bitmap says of a credential. The values are those of `statusPurpose` in the W3C specification.
    enum StatusPurpose {
        /// @notice The credential is revoked. A bit that is set stays set.
        Revocation,
        /// @notice The credential is suspended. A bit that is set can be cleared again.
        Suspension
    }

    /**
     * @notice What a `...For` call carries instead of a caller: the consent of whoever has the power to do it.
     * @param signer Who signed
     * @param nonce The identity's nonce that was signed
     * @param deadline The last second at which the signature counts, Unix seconds
     * @param signature 65 bytes `r || s || v` of an account without code, or whatever a contract wallet accepts by
     * ERC-1271
     */
    struct Consent {
        address signer;
        uint256 nonce;
        uint256 deadline;
        bytes signature;
    }

    /// @notice A revoked credential was to be suspended, reinstated, or left out of a word that is written whole.
    /// @param credId The credential that stays revoked; in a batch or a word, the first such one
    error RevocationIsFinal(bytes32 credId);

    /// @notice The account is neither the issuer's controller nor a delegate of it with a live status role.
    error NotStatusAuthority(address issuer, address account);

    /// @notice The ids of one batch must be of one issuer.
    /// @param issuer The issuer of the first id
    /// @param credId The first id of another issuer
    error MixedIssuers(address issuer, bytes32 credId);

    /// @notice A batch without ids names no issuer.
    error EmptyBatch();

    /// @notice The words from `firstWord` on reach past the last word that a `uint96` index can name.
    error WordOutOfRange(uint256 firstWord, uint256 count);

    /**
     * @notice A credential was revoked, for good.
     * @param issuer The issuer, as the id names it
     * @param credId The credential
     * @param statusSequence How many status events this issuer has, this one included: gapless, from 1
     */
    event CredentialRevoked(address indexed issuer, bytes32 indexed credId, uint256 statusSequence);

    /// @notice A credential was suspended. Parameters as in `CredentialRevoked`.
    event CredentialSuspended(address indexed issuer, bytes32 indexed credId, uint256 statusSequence);

    /// @notice The suspension of a credential was lifted. Parameters as in `CredentialRevoked`.
    event CredentialReinstated(address indexed issuer, bytes32 indexed credId, uint256 statusSequence);

    /**
     * @notice A batch changed bits of one word.
     * @param issuer The issuer of the credentials
     * @param purpose The bitmap that changed
     * @param word The word's position, `index >> 8`
     * @param bits The whole word after the change
     * @param changed The bits of it that changed: bit `255 - (index & 255)` stands for `index`
     * @param statusSequence How many status events this issuer has, this one included: gapless, from 1
     */
    event StatusWordChanged(
        address indexed issuer,
        StatusPurpose indexed purpose,
        uint256 indexed word,
        uint256 bits,
        uint256 changed,
        uint256 statusSequence
    );

    /**
     * @notice Consecutive words of the revoked bitmap were written whole, and at least one of them changed.
     * @param issuer The issuer of the credentials
     * @param firstWord The position of the first word
     * @param words The words as they are now
     * @param statusSequence How many status events this issuer has, this one included: gapless, from 1
     */
    event RevocationWordsSet(address indexed issuer, uint256 firstWord, uint256[] words, uint256 statusSequence);

    /// @notice The same of the suspended bitmap. Parameters as in `RevocationWordsSet`.
    event SuspensionWordsSet(address indexed issuer, uint256 firstWord, uint256[] words, uint256 statusSequence);

    /**
     * @notice Revokes a credential for good, or lifts its suspension.
     * @dev What is already so costs no event and no write. Lifting a suspension of a revoked credential reverts with
     * `RevocationIsFinal`.
     * @param credId The credential
     * @param revoked True to revoke, false to lift a suspension
     */
    function setCredentialStatus(bytes32 credId, bool revoked) external;

    /// @notice `setCredentialStatus` by signature over
    /// `SetCredentialStatus(bytes32 credId,bool revoked,uint256 nonce,uint256 deadline)`.
    function setCredentialStatusFor(bytes32 credId, bool revoked, Consent calldata consent) external;

    /**
     * @notice Suspends a credential until `setCredentialStatus(credId, false)` lifts the suspension.
     * @dev What is already suspended costs no event and no write; what is revoked reverts with `RevocationIsFinal`.
     */
    function suspendCredential(bytes32 credId) external;

    /// @notice `suspendCredential` by signature over
    /// `SuspendCredential(bytes32 credId,uint256 nonce,uint256 deadline)`.
    function suspendCredentialFor(bytes32 credId, Consent calldata consent) external;

    /**
     * @notice `setCredentialStatus` for many credentials of one issuer.
     * @dev Neighbours in the list that share a word share one write and one event, so a sorted list writes each word
     * once. Any order and repetitions are accepted.
     */
    function setCredentialStatuses(bytes32[] calldata credIds, bool revoked) external;

    /// @notice `setCredentialStatuses` by signature over
    /// `SetCredentialStatuses(bytes32[] credIds,bool revoked,uint256 nonce,uint256 deadline)`.
    function setCredentialStatusesFor(bytes32[] calldata credIds, bool revoked, Consent calldata consent) external;

    /// @notice `suspendCredential` for many credentials of one issuer, grouped as in `setCredentialStatuses`.
    function suspendCredentials(bytes32[] calldata credIds) external;

    /// @notice `suspendCredentials` by signature over
    /// `SuspendCredentials(bytes32[] credIds,uint256 nonce,uint256 deadline)`.
    function suspendCredentialsFor(bytes32[] calldata credIds, Consent calldata consent) external;

    /**
     * @notice Writes consecutive words whole: the cheapest way to set many statuses.
     * @dev A word for `Revocation` must keep every bit that is set, or the call reverts with `RevocationIsFinal`. A
     * word for `Suspension` replaces the stored one, whatever it was: two writers who do not know of each other can
     * undo each other's suspensions here, though never a revocation. A suspension bit of a revoked credential means
     * nothing.
     * @param issuer The issuer of the credentials
     * @param purpose The bitmap to write
     * @param firstWord The position of the first word
     * @param words The words as they shall be
     */
    function setStatusWords(
        address issuer,
        StatusPurpose purpose,
        uint256 firstWord,
        uint256[] calldata words
    ) external;

    /// @notice `setStatusWords` by signature over `SetStatusWords(address issuer,uint8 purpose,
    /// uint256 firstWord,uint256[] words,uint256 nonce,uint256 deadline)`.
    function setStatusWordsFor(
        address issuer,
        StatusPurpose purpose,
        uint256 firstWord,
        uint256[] calldata words,
        Consent calldata consent
    ) external;

    /**
     * @notice Both bits of a credential. A credential that is revoked stays so, whatever `suspended` says.
     * @dev The chain does not know which credentials were issued: an id never heard of is neither revoked nor
     * suspended.
     */
    function credentialStatus(bytes32 credId) external view returns (bool revoked, bool suspended);

    /// @notice Whether a credential is revoked. True once means true for ever.
    function isCredentialRevoked(bytes32 credId) external view returns (bool revoked);

    /// @notice `count` consecutive words of a bitmap, from `firstWord` on; words never written are zero.
    function statusWords(
        address issuer,
        StatusPurpose purpose,
        uint256 firstWord,
        uint256 count
    ) external view returns (uint256[] memory words);
}
