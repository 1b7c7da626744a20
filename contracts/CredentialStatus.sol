// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {StorageSlot} from "@openzeppelin/contracts/utils/StorageSlot.sol";
import {IdentityStore} from "./IdentityStore.sol";
import {Consent} from "./interfaces/Consent.sol";
import {ICredentialStatus, REVOCATION, STATUS_ROLE, SUSPENSION} from "./interfaces/ICredentialStatus.sol";
import {ConsentHashes} from "./libraries/ConsentHashes.sol";
import {IdentityHeader} from "./libraries/IdentityHeader.sol";
import {StatusSlots} from "./libraries/StatusSlots.sol";

/**
 * @title Credential status
 * @dev The bitmaps of every issuer.
 */
abstract contract CredentialStatus is IdentityStore, ICredentialStatus {
    using StatusSlots for bytes32;
    using StatusSlots for StatusSlots.List;

    /// @dev Slot 4, by `StatusSlots.listKey`.
    mapping(uint256 key => StatusSlots.List list) private _lists;

    /// @inheritdoc ICredentialStatus
    function setCredentialStatus(bytes32 credId, bool revoked) external {
        address issuer = credId.issuerOf();
        (Identity storage stored, IdentityHeader header) = _authorized(issuer, STATUS_ROLE, msg.sender);
        if (revoked) return _revoke(issuer, stored, header, credId);
        if (_isSet(issuer, credId, REVOCATION)) revert RevocationIsFinal(credId);
        _setStatus(issuer, stored, header, credId, SUSPENSION, false);
    }

    /// @inheritdoc ICredentialStatus
    function setStatus(bytes32 credId, uint8 purpose, bool on) external {
        address issuer = credId.issuerOf();
        (Identity storage stored, IdentityHeader header) = _authorized(issuer, STATUS_ROLE, msg.sender);
        _setStatus(issuer, stored, header, credId, purpose, on);
    }

    /// @inheritdoc ICredentialStatus
    function setStatusWithConsent(bytes32 credId, uint8 purpose, bool on, Consent calldata consent) external {
        address issuer = credId.issuerOf();
        bytes32 structHash = ConsentHashes.setStatus(consent, credId, purpose, on);
        (Identity storage stored, IdentityHeader header) = _authorizedByConsent(
            issuer,
            STATUS_ROLE,
            structHash,
            consent
        );
        _setStatus(issuer, stored, header, credId, purpose, on);
    }

    /// @inheritdoc ICredentialStatus
    function setStatusWords(
        address issuer,
        uint8 purpose,
        uint256 firstWord,
        uint256[] calldata masks,
        bool on
    ) external {
        (Identity storage stored, IdentityHeader header) = _authorized(issuer, STATUS_ROLE, msg.sender);
        _setWords(issuer, stored, header, purpose, firstWord, masks, on);
    }

    /// @inheritdoc ICredentialStatus
    function setStatusWordsWithConsent(
        address issuer,
        uint8 purpose,
        uint256 firstWord,
        uint256[] calldata masks,
        bool on,
        Consent calldata consent
    ) external {
        bytes32 structHash = ConsentHashes.setStatusWords(consent, issuer, purpose, firstWord, masks, on);
        (Identity storage stored, IdentityHeader header) = _authorizedByConsent(
            issuer,
            STATUS_ROLE,
            structHash,
            consent
        );
        _setWords(issuer, stored, header, purpose, firstWord, masks, on);
    }

    /// @inheritdoc ICredentialStatus
    function setStatusMasks(
        address issuer,
        uint8 purpose,
        uint256[] calldata words,
        uint256[] calldata masks,
        bool on
    ) external {
        (Identity storage stored, IdentityHeader header) = _authorized(issuer, STATUS_ROLE, msg.sender);
        _setMasks(issuer, stored, header, purpose, words, masks, on);
    }

    /// @inheritdoc ICredentialStatus
    function setStatusMasksWithConsent(
        address issuer,
        uint8 purpose,
        uint256[] calldata words,
        uint256[] calldata masks,
        bool on,
        Consent calldata consent
    ) external {
        bytes32 structHash = ConsentHashes.setStatusMasks(consent, issuer, purpose, words, masks, on);
        (Identity storage stored, IdentityHeader header) = _authorizedByConsent(
            issuer,
            STATUS_ROLE,
            structHash,
            consent
        );
        _setMasks(issuer, stored, header, purpose, words, masks, on);
    }

    /// @inheritdoc ICredentialStatus
    function isCredentialRevoked(bytes32 credId) external view returns (bool revoked) {
        return _isSet(credId.issuerOf(), credId, REVOCATION);
    }

    /// @inheritdoc ICredentialStatus
    function credentialStates(bytes32[] calldata credIds) external view returns (CredentialState[] memory states) {
        states = new CredentialState[](credIds.length);
        for (uint256 i = 0; i < credIds.length; ++i) {
            bytes32 credId = credIds[i];
            address issuer = credId.issuerOf();
            CredentialState memory state = states[i];
            state.issuer = issuer;
            state.active = !_identities[issuer].header.isDeactivated();
            state.revoked = _isSet(issuer, credId, REVOCATION);
            state.suspended = _isSet(issuer, credId, SUSPENSION);
        }
    }

    /// @inheritdoc ICredentialStatus
    function statusWords(
        address issuer,
        uint8 purpose,
        uint256 firstWord,
        uint256 count
    ) external view returns (uint256[] memory words) {
        StatusSlots.requireInRange(firstWord, count);
        StatusSlots.List storage list = _listOf(issuer, purpose);
        words = new uint256[](count);
        for (uint256 i = 0; i < count; ++i) words[i] = list.at(firstWord + i).value;
    }

    function _listOf(address issuer, uint256 purpose) private view returns (StatusSlots.List storage list) {
        return _lists[StatusSlots.listKey(issuer, purpose)];
    }

    function _isSet(address issuer, bytes32 credId, uint256 purpose) private view returns (bool) {
        return _listOf(issuer, purpose).at(credId.wordOf()).value & credId.maskOf() != 0;
    }

    function _revoke(address issuer, Identity storage stored, IdentityHeader header, bytes32 credId) private {
        if (!_merge(_listOf(issuer, REVOCATION), credId, true)) return;
        emit CredentialRevoked(issuer, credId, _recordStatusEvent(stored, header));
    }

    function _setStatus(
        address issuer,
        Identity storage stored,
        IdentityHeader header,
        bytes32 credId,
        uint8 purpose,
        bool on
    ) private {
        if (purpose == REVOCATION) {
            if (!on) revert RevocationCannotBeCleared();
            return _revoke(issuer, stored, header, credId);
        }
        if (!_merge(_listOf(issuer, purpose), credId, on)) return;
        uint256 sequence = _recordStatusEvent(stored, header);
        if (on) emit StatusSet(issuer, credId, purpose, sequence);
        else emit StatusCleared(issuer, credId, purpose, sequence);
    }

    function _setWords(
        address issuer,
        Identity storage stored,
        IdentityHeader header,
        uint8 purpose,
        uint256 firstWord,
        uint256[] calldata masks,
        bool on
    ) private {
        if (!on) {
            if (purpose == REVOCATION) revert RevocationCannotBeCleared();
        }
        StatusSlots.requireInRange(firstWord, masks.length);
        if (!_listOf(issuer, purpose).mergeConsecutive(firstWord, masks, on)) return;
        uint256 sequence = _recordStatusEvent(stored, header);
        if (purpose == REVOCATION) emit RevocationWordsSet(issuer, firstWord, masks, sequence);
        else if (on) emit StatusWordsSet(issuer, purpose, firstWord, masks, sequence);
        else emit StatusWordsCleared(issuer, purpose, firstWord, masks, sequence);
    }

    function _setMasks(
        address issuer,
        Identity storage stored,
        IdentityHeader header,
        uint8 purpose,
        uint256[] calldata words,
        uint256[] calldata masks,
        bool on
    ) private {
        if (!on) {
            if (purpose == REVOCATION) revert RevocationCannotBeCleared();
        }
        if (words.length != masks.length) revert LengthMismatch(words.length, masks.length);
        if (!_listOf(issuer, purpose).mergeScattered(words, masks, on)) return;
        uint256 sequence = _recordStatusEvent(stored, header);
        if (purpose == REVOCATION) emit RevocationMasksSet(issuer, words, masks, sequence);
        else if (on) emit StatusMasksSet(issuer, purpose, words, masks, sequence);
        else emit StatusMasksCleared(issuer, purpose, words, masks, sequence);
    }

    /// @dev Sets or clears the bit of a credential.
    /// @return changed Whether it is another than before
    function _merge(StatusSlots.List storage list, bytes32 credId, bool on) private returns (bool changed) {
        StorageSlot.Uint256Slot storage slot = list.at(credId.wordOf());
        uint256 mask = credId.maskOf();
        uint256 before = slot.value;
        uint256 bits = on ? before | mask : before & ~mask;
        if (bits == before) return false;
        slot.value = bits;
        return true;
    }

    /// @dev Counts one status event and stores the header.
    function _recordStatusEvent(
        Identity storage stored,
        IdentityHeader header
    ) private returns (uint256 statusSequence) {
        header = header.countStatusEvent();
        stored.header = header;
        return header.statusSequence();
    }
}
