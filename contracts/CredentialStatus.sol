// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Header, Stage} from "./Header.sol";
import {ICredentialStatus, STATUS_ROLE} from "./interfaces/ICredentialStatus.sol";
import {IdentityStore} from "./IdentityStore.sol";

/**
 * @title Credential status
 * @dev The revoked and suspended bitmaps of every issuer.
 */
abstract contract CredentialStatus is IdentityStore {
    /// @dev How many words the `uint96` index of a credential id can name.
    uint256 private constant WORD_COUNT = 1 << 88;

    uint256 private constant FIRST_BIT = 1 << 255;

    bytes32 private constant SET_CREDENTIAL_STATUS_TYPEHASH = keccak256(
        "SetCredentialStatus(bytes32 credId,bool revoked,uint256 nonce,uint256 deadline)"
    );
    bytes32 private constant SUSPEND_CREDENTIAL_TYPEHASH = keccak256(
        "SuspendCredential(bytes32 credId,uint256 nonce,uint256 deadline)"
    );
    bytes32 private constant SET_CREDENTIAL_STATUSES_TYPEHASH = keccak256(
        "SetCredentialStatuses(bytes32[] credIds,bool revoked,uint256 nonce,uint256 deadline)"
    );
    bytes32 private constant SUSPEND_CREDENTIALS_TYPEHASH = keccak256(
        "SuspendCredentials(bytes32[] credIds,uint256 nonce,uint256 deadline)"
    );
    bytes32 private constant SET_STATUS_WORDS_TYPEHASH = keccak256(
        "SetStatusWords(address issuer,uint8 purpose,uint256 firstWord,uint256[] words,uint256 nonce,uint256 deadline)"
    );

    /// @dev What is to be done with credentials.
    enum Change {
        Revoke,
        Suspend,
        Reinstate
    }

    /// @dev The bits of 256 neighbouring credentials, index 0 of them the most significant.
    struct Word {
        uint256 revoked;
        uint256 suspended;
    }

    /// @dev By word id: `credId >> 8`, which is the issuer (20 bytes) and the word's position (11 bytes).
    mapping(uint256 wordId => Word bits) private _words;

    /// @inheritdoc ICredentialStatus
    function setCredentialStatus(bytes32 credId, bool revoked) external {
        address issuer = _issuerOf(credId);
        (Identity storage identity, Header header) = _authorized(issuer, msg.sender);
        _setStatus(issuer, identity, header, credId, revoked);
    }

    /// @inheritdoc ICredentialStatus
    function setCredentialStatusFor(bytes32 credId, bool revoked, Consent calldata consent) external {
        address issuer = _issuerOf(credId);
        (Identity storage identity, Header header) = _authorized(issuer, consent.signer);
        bytes32 structHash = keccak256(
            abi.encode(SET_CREDENTIAL_STATUS_TYPEHASH, credId, revoked, consent.nonce, consent.deadline)
        );
        header = _consumeConsent(issuer, header, structHash, consent);
        _setStatus(issuer, identity, header, credId, revoked);
    }

    /// @inheritdoc ICredentialStatus
    function suspendCredential(bytes32 credId) external {
        address issuer = _issuerOf(credId);
        (Identity storage identity, Header header) = _authorized(issuer, msg.sender);
        _setSuspended(issuer, identity, header, credId, true);
    }

    /// @inheritdoc ICredentialStatus
    function suspendCredentialFor(bytes32 credId, Consent calldata consent) external {
        address issuer = _issuerOf(credId);
        (Identity storage identity, Header header) = _authorized(issuer, consent.signer);
        bytes32 structHash = keccak256(
            abi.encode(SUSPEND_CREDENTIAL_TYPEHASH, credId, consent.nonce, consent.deadline)
        );
        header = _consumeConsent(issuer, header, structHash, consent);
        _setSuspended(issuer, identity, header, credId, true);
    }

    /// @inheritdoc ICredentialStatus
    function setCredentialStatuses(bytes32[] calldata credIds, bool revoked) external {
        address issuer = _issuerOfBatch(credIds);
        (Identity storage identity, Header header) = _authorized(issuer, msg.sender);
        _changeMany(issuer, identity, header, credIds, revoked ? Change.Revoke : Change.Reinstate);
    }

    /// @inheritdoc ICredentialStatus
    function setCredentialStatusesFor(bytes32[] calldata credIds, bool revoked, Consent calldata consent) external {
        address issuer = _issuerOfBatch(credIds);
        (Identity storage identity, Header header) = _authorized(issuer, consent.signer);
        bytes32 structHash = keccak256(
            abi.encode(
                SET_CREDENTIAL_STATUSES_TYPEHASH,
                keccak256(abi.encodePacked(credIds)),
                revoked,
                consent.nonce,
                consent.deadline
            )
        );
        header = _consumeConsent(issuer, header, structHash, consent);
        _changeMany(issuer, identity, header, credIds, revoked ? Change.Revoke : Change.Reinstate);
    }

    /// @inheritdoc ICredentialStatus
    function suspendCredentials(bytes32[] calldata credIds) external {
        address issuer = _issuerOfBatch(credIds);
        (Identity storage identity, Header header) = _authorized(issuer, msg.sender);
        _changeMany(issuer, identity, header, credIds, Change.Suspend);
    }

    /// @inheritdoc ICredentialStatus
    function suspendCredentialsFor(bytes32[] calldata credIds, Consent calldata consent) external {
        address issuer = _issuerOfBatch(credIds);
        (Identity storage identity, Header header) = _authorized(issuer, consent.signer);
        bytes32 structHash = keccak256(
            abi.encode(
                SUSPEND_CREDENTIALS_TYPEHASH,
                keccak256(abi.encodePacked(credIds)),
                consent.nonce,
                consent.deadline
            )
        );
        header = _consumeConsent(issuer, header, structHash, consent);
        _changeMany(issuer, identity, header, credIds, Change.Suspend);
    }

    /// @inheritdoc ICredentialStatus
    function setStatusWords(
        address issuer,
        StatusPurpose purpose,
        uint256 firstWord,
        uint256[] calldata words
    ) external {
        (Identity storage identity, Header header) = _authorized(issuer, msg.sender);
        _writeWords(issuer, identity, header, purpose, firstWord, words);
    }

    /// @inheritdoc ICredentialStatus
    function setStatusWordsFor(
        address issuer,
        StatusPurpose purpose,
        uint256 firstWord,
        uint256[] calldata words,
        Consent calldata consent
    ) external {
        (Identity storage identity, Header header) = _authorized(issuer, consent.signer);
        bytes32 structHash = keccak256(
            abi.encode(
                SET_STATUS_WORDS_TYPEHASH,
                issuer,
                purpose,
                firstWord,
                keccak256(abi.encodePacked(words)),
                consent.nonce,
                consent.deadline
            )
        );
        header = _consumeConsent(issuer, header, structHash, consent);
        _writeWords(issuer, identity, header, purpose, firstWord, words);
    }

    /// @inheritdoc ICredentialStatus
    function credentialStatus(bytes32 credId) external view returns (bool revoked, bool suspended) {
        (uint256 wordId, uint256 mask) = _locate(credId);
        Word storage word = _words[wordId];
        return (word.revoked & mask != 0, word.suspended & mask != 0);
    }

    /// @inheritdoc ICredentialStatus
    function isCredentialRevoked(bytes32 credId) external view returns (bool revoked) {
        (uint256 wordId, uint256 mask) = _locate(credId);
        return _words[wordId].revoked & mask != 0;
    }

    /// @inheritdoc ICredentialStatus
    function statusWords(
        address issuer,
        StatusPurpose purpose,
        uint256 firstWord,
        uint256 count
    ) external view returns (uint256[] memory words) {
        uint256 firstWordId = _wordIdOf(issuer, firstWord, count);
        words = new uint256[](count);
        for (uint256 i = 0; i < count; ++i) {
            Word storage word = _words[firstWordId + i];
            words[i] = purpose == StatusPurpose.Revocation ? word.revoked : word.suspended;
        }
    }

    /// @dev An active issuer for whom `account` may change a status.
    function _authorized(
        address issuer,
        address account
    ) private view returns (Identity storage identity, Header header) {
        identity = _identities[issuer];
        header = identity.header;
        // An issuer that acts for itself is the common case: no second read. Nested, for && costs 32 gas more.
        if (account == issuer) {
            if (header.isIn(Stage.SelfControlled)) return (identity, header);
        }
        _requireActive(issuer, header);
        if (account != _controllerOf(issuer, header) && !_isLive(issuer, STATUS_ROLE, account)) {
            revert NotStatusAuthority(issuer, account);
        }
    }

    function _setStatus(
        address issuer,
        Identity storage identity,
        Header header,
        bytes32 credId,
        bool revoked
    ) private {
        if (revoked) _revoke(issuer, identity, header, credId);
        else _setSuspended(issuer, identity, header, credId, false);
    }

    function _revoke(address issuer, Identity storage identity, Header header, bytes32 credId) private {
        (uint256 wordId, uint256 mask) = _locate(credId);
        Word storage word = _words[wordId];
        uint256 before = word.revoked;
        if (before & mask != 0) return;
        word.revoked = before | mask;
        emit CredentialRevoked(issuer, credId, _recordStatusEvent(identity, header));
    }

    function _setSuspended(
        address issuer,
        Identity storage identity,
        Header header,
        bytes32 credId,
        bool suspended
    ) private {
        (uint256 wordId, uint256 mask) = _locate(credId);
        Word storage word = _words[wordId];
        if (word.revoked & mask != 0) revert RevocationIsFinal(credId);
        uint256 before = word.suspended;
        if ((before & mask != 0) == suspended) return;
        word.suspended = before ^ mask;
        uint256 sequence = _recordStatusEvent(identity, header);
        if (suspended) emit CredentialSuspended(issuer, credId, sequence);
        else emit CredentialReinstated(issuer, credId, sequence);
    }

    function _changeMany(
        address issuer,
        Identity storage identity,
        Header header,
        bytes32[] calldata credIds,
        Change change
    ) private {
        StatusPurpose purpose = change == Change.Revoke ? StatusPurpose.Revocation : StatusPurpose.Suspension;
        Header counted = header;
        uint256 i = 0;
        while (i < credIds.length) {
            bytes32 credId = credIds[i];
            if (_issuerOf(credId) != issuer) revert MixedIssuers(issuer, credId);
            (uint256 wordId, uint256 mask) = _locate(credId);
            // Gather the neighbours of the same word, to write it once.
            while (++i < credIds.length) {
                (uint256 otherWordId, uint256 otherMask) = _locate(credIds[i]);
                if (otherWordId != wordId) break;
                mask |= otherMask;
            }
            (uint256 bits, uint256 changed) = _changeWord(wordId, mask, change);
            if (changed == 0) continue;
            counted = counted.countStatusEvent();
            emit StatusWordChanged(issuer, purpose, wordId % WORD_COUNT, bits, changed, counted.statusSequence());
        }
        if (!counted.equals(header)) identity.header = counted;
    }

    /// @dev Changes the bits of `mask` in one word.
    /// @return bits The word as it is now
    /// @return changed The bits of it that were otherwise before
    function _changeWord(uint256 wordId, uint256 mask, Change change) private returns (uint256 bits, uint256 changed) {
        Word storage word = _words[wordId];
        uint256 revoked = word.revoked;
        if (change == Change.Revoke) {
            bits = revoked | mask;
            changed = revoked ^ bits;
            if (changed != 0) word.revoked = bits;
            return (bits, changed);
        }
        if (revoked & mask != 0) revert RevocationIsFinal(_firstCredId(wordId, revoked & mask));
        uint256 suspended = word.suspended;
        bits = change == Change.Suspend ? suspended | mask : suspended & ~mask;
        changed = suspended ^ bits;
        if (changed != 0) word.suspended = bits;
    }

    function _writeWords(
        address issuer,
        Identity storage identity,
        Header header,
        StatusPurpose purpose,
        uint256 firstWord,
        uint256[] calldata words
    ) private {
        uint256 firstWordId = _wordIdOf(issuer, firstWord, words.length);
        if (purpose == StatusPurpose.Revocation) {
            if (!_writeRevoked(firstWordId, words)) return;
            emit RevocationWordsSet(issuer, firstWord, words, _recordStatusEvent(identity, header));
        } else {
            if (!_writeSuspended(firstWordId, words)) return;
            emit SuspensionWordsSet(issuer, firstWord, words, _recordStatusEvent(identity, header));
        }
    }

    function _writeRevoked(uint256 firstWordId, uint256[] calldata words) private returns (bool changed) {
        for (uint256 i = 0; i < words.length; ++i) {
            Word storage word = _words[firstWordId + i];
            uint256 before = word.revoked;
            uint256 bits = words[i];
            if (bits == before) continue;
            uint256 lost = before & ~bits;
            if (lost != 0) revert RevocationIsFinal(_firstCredId(firstWordId + i, lost));
            word.revoked = bits;
            changed = true;
        }
    }

    function _writeSuspended(uint256 firstWordId, uint256[] calldata words) private returns (bool changed) {
        for (uint256 i = 0; i < words.length; ++i) {
            Word storage word = _words[firstWordId + i];
            uint256 bits = words[i];
            if (bits == word.suspended) continue;
            word.suspended = bits;
            changed = true;
        }
    }

    /// @dev Counts one status event and stores the header.
    function _recordStatusEvent(Identity storage identity, Header header) private returns (uint256 statusSequence) {
        header = header.countStatusEvent();
        identity.header = header;
        return header.statusSequence();
    }

    function _issuerOfBatch(bytes32[] calldata credIds) private pure returns (address issuer) {
        if (credIds.length == 0) revert EmptyBatch();
        return _issuerOf(credIds[0]);
    }

    function _issuerOf(bytes32 credId) private pure returns (address issuer) {
        return address(bytes20(credId));
    }

    /// @dev Where the bit of a credential is: index 0 is the most significant bit of word 0.
    function _locate(bytes32 credId) private pure returns (uint256 wordId, uint256 mask) {
        uint256 id = uint256(credId);
        return (id >> 8, FIRST_BIT >> (id & 255));
    }

    /// @dev The id of an issuer's word, if that and the `count - 1` words after it are all the issuer's.
    function _wordIdOf(address issuer, uint256 firstWord, uint256 count) private pure returns (uint256 wordId) {
        // Written so that no sum can overflow.
        if (firstWord >= WORD_COUNT || count > WORD_COUNT - firstWord) revert WordOutOfRange(firstWord, count);
        return (uint256(uint160(issuer)) << 88) | firstWord;
    }

    /// @dev The credential with the lowest index among the bits of a word that is not zero.
    function _firstCredId(uint256 wordId, uint256 bits) private pure returns (bytes32 credId) {
        uint256 position = 0;
        while (bits >> (255 - position) == 0) ++position;
        return bytes32((wordId << 8) | position);
    }
}
