// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Consent} from "./Consent.sol";

/// @dev The role of the delegates that may change the status of an issuer's credentials: `"status"`, left-aligned.
bytes32 constant STATUS_ROLE = "status";

/// @dev The purpose whose bits are never cleared: the credential is revoked.
uint8 constant REVOCATION = 0;

/// @dev The credential is suspended.
uint8 constant SUSPENSION = 1;

/**
 * @title Credential status
 * @notice 256 bits, one for each purpose, for every credential an issuer may ever give out. They live in words of 256
 * credentials, and anyone can read them.
 *
 * **Purposes.** 0 revocation, which is final; 1 suspension; 2 refresh (`statusPurpose` of Bitstring Status List v1.0);
 * 3 to 127 are reserved, 128 to 255 are the issuer's own. They do not depend on each other: a revoked credential can be
 * suspended, and readers look at revocation first.
 *
 * **Ids.** A credential id names its issuer: `credId = bytes32(issuer (20 bytes) || uint96 index)`. Who may change a
 * status therefore follows from the id itself, and there is nothing to reserve, to squat or to front-run.
 *
 * **Words.** Word `index >> 8` holds the bit of `index`, most significant bit first, so that the words of an issuer,
 * written big-endian one after the other, are byte for byte a W3C Bitstring (Bitstring Status List v1.0, section 3.2):
 * index 0 is the most significant bit of the first byte. An issuer has 2^88 words of each purpose. Word `w` is stored
 * at `keccak256(abi.encode(issuer << 8 | purpose, 4)) + w`.
 *
 * **Writes are merges.** Setting is OR, clearing is AND-NOT: two writers of one direction never undo each other, in
 * whatever order they come, and what is already so does not make a write fail. A write that changes nothing has no
 * event, and neither has one of no words.
 *
 * By the issuer's controller or a delegate that holds `"status"`, until the issuer is deactivated; see `IIdentity` for
 * consents and for the errors of authority.
 *
 * `statusSequence` counts the events of this interface for each issuer, whatever the purpose: gapless, from 1.
 */
interface ICredentialStatus {
    /**
     * @notice What the registry says of one credential. It does not know which credentials were issued: an id never
     * heard of is neither revoked nor suspended.
     * @param issuer The issuer that the id names
     * @param active Whether the issuer is not deactivated
     * @param revoked Whether the credential is revoked; true once means true for ever
     * @param suspended Whether the credential is suspended
     */
    struct CredentialState {
        address issuer;
        bool active;
        bool revoked;
        bool suspended;
    }

    /// @notice A revoked credential was to be reinstated.
    error RevocationIsFinal(bytes32 credId);

    /// @notice Bits of purpose 0 can be set only.
    error RevocationCannotBeCleared();

    /// @notice An issuer has words 0 to 2^88 - 1.
    /// @param word The first word that is out of range
    error WordOutOfRange(uint256 word);

    /// @notice There must be as many words as masks.
    error LengthMismatch(uint256 words, uint256 masks);

    /**
     * @notice A credential was revoked, for good.
     * @param issuer The issuer, as the id names it
     * @param credId The credential
     * @param statusSequence How many status events this issuer has, this one included: gapless, from 1
     */
    event CredentialRevoked(address indexed issuer, bytes32 indexed credId, uint256 statusSequence);

    /// @notice A credential's bit of a purpose other than revocation was set.
    event StatusSet(address indexed issuer, bytes32 indexed credId, uint8 purpose, uint256 statusSequence);

    /// @notice A credential's bit of a purpose other than revocation was cleared.
    event StatusCleared(address indexed issuer, bytes32 indexed credId, uint8 purpose, uint256 statusSequence);

    /**
     * @notice The bits of `masks` were revoked in consecutive words; at least one of them was not before.
     * @param issuer The issuer of the credentials
     * @param firstWord The position of the first word
     * @param masks What was merged into the words: bit `255 - (index & 255)` stands for `index`
     * @param statusSequence How many status events this issuer has, this one included: gapless, from 1
     */
    event RevocationWordsSet(address indexed issuer, uint256 firstWord, uint256[] masks, uint256 statusSequence);

    /// @notice The bits of `masks` were set for another purpose. Parameters as in `RevocationWordsSet`.
    event StatusWordsSet(
        address indexed issuer,
        uint8 indexed purpose,
        uint256 firstWord,
        uint256[] masks,
        uint256 statusSequence
    );

    /// @notice The bits of `masks` were cleared for another purpose. Parameters as in `RevocationWordsSet`.
    event StatusWordsCleared(
        address indexed issuer,
        uint8 indexed purpose,
        uint256 firstWord,
        uint256[] masks,
        uint256 statusSequence
    );

    /**
     * @notice The bits of `masks` were revoked in the words at `words`; at least one of them was not before.
     * @param issuer The issuer of the credentials
     * @param words The position of each word; in any order, and a word may come twice
     * @param masks What was merged into each word: bit `255 - (index & 255)` stands for `index`
     * @param statusSequence How many status events this issuer has, this one included: gapless, from 1
     */
    event RevocationMasksSet(address indexed issuer, uint256[] words, uint256[] masks, uint256 statusSequence);

    /// @notice The bits of `masks` were set for another purpose. Parameters as in `RevocationMasksSet`.
    event StatusMasksSet(
        address indexed issuer,
        uint8 indexed purpose,
        uint256[] words,
        uint256[] masks,
        uint256 statusSequence
    );

    /// @notice The bits of `masks` were cleared for another purpose. Parameters as in `RevocationMasksSet`.
    event StatusMasksCleared(
        address indexed issuer,
        uint8 indexed purpose,
        uint256[] words,
        uint256[] masks,
        uint256 statusSequence
    );

    /**
     * @notice Revokes a credential for good, or lifts its suspension.
     * @dev Lifting a suspension of a revoked credential reverts with `RevocationIsFinal`.
     * @param credId The credential
     * @param revoked True to revoke, false to lift a suspension
     */
    function setCredentialStatus(bytes32 credId, bool revoked) external;

    /**
     * @notice Sets or clears one credential's bit of one purpose.
     * @dev Clearing purpose 0 reverts with `RevocationCannotBeCleared`.
     * @param on True to set, false to clear
     */
    function setStatus(bytes32 credId, uint8 purpose, bool on) external;

    /// @notice `setStatus` by consent of an account that may, to `SetStatus(address signer,bytes32 credId,
    /// uint8 purpose,bool on,uint256 nonce,uint256 deadline)`.
    function setStatusWithConsent(bytes32 credId, uint8 purpose, bool on, Consent calldata consent) external;

    /**
     * @notice Sets or clears bits in consecutive words: the cheapest way to change many neighbours.
     * @dev The gas of a transaction is limited on many chains (EIP-7825: 16,777,216): send at most 2,048 words that
     * were written before, or 640 that were not.
     * @param firstWord The position of the first word
     * @param masks The bits to set or clear in each word: bit `255 - (index & 255)` stands for `index`
     * @param on True to set, false to clear
     */
    function setStatusWords(
        address issuer,
        uint8 purpose,
        uint256 firstWord,
        uint256[] calldata masks,
        bool on
    ) external;

    /// @notice `setStatusWords` by consent of an account that may, to `SetStatusWords(address signer,address issuer,
    /// uint8 purpose,uint256 firstWord,uint256[] masks,bool on,uint256 nonce,uint256 deadline)`.
    function setStatusWordsWithConsent(
        address issuer,
        uint8 purpose,
        uint256 firstWord,
        uint256[] calldata masks,
        bool on,
        Consent calldata consent
    ) external;

    /**
     * @notice Sets or clears bits in words anywhere: the cheapest way to change many that are scattered.
     * @param words The position of each word; in any order, and a word may come twice
     * @param masks The bits to set or clear in each word: bit `255 - (index & 255)` stands for `index`
     * @param on True to set, false to clear
     */
    function setStatusMasks(
        address issuer,
        uint8 purpose,
        uint256[] calldata words,
        uint256[] calldata masks,
        bool on
    ) external;

    /// @notice `setStatusMasks` by consent of an account that may, to `SetStatusMasks(address signer,address issuer,
    /// uint8 purpose,uint256[] words,uint256[] masks,bool on,uint256 nonce,uint256 deadline)`.
    function setStatusMasksWithConsent(
        address issuer,
        uint8 purpose,
        uint256[] calldata words,
        uint256[] calldata masks,
        bool on,
        Consent calldata consent
    ) external;

    /// @notice Whether a credential is revoked. True once means true for ever.
    function isCredentialRevoked(bytes32 credId) external view returns (bool revoked);

    /// @notice What the registry says of many credentials, in their order.
    function credentialStates(bytes32[] calldata credIds) external view returns (CredentialState[] memory states);

    /// @notice `count` consecutive words of a purpose, from `firstWord` on; words never written are zero.
    function statusWords(
        address issuer,
        uint8 purpose,
        uint256 firstWord,
        uint256 count
    ) external view returns (uint256[] memory words);
}
