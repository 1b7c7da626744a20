// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";
import {ERC165Checker} from "@openzeppelin/contracts/utils/introspection/ERC165Checker.sol";
import {ICredentialStatus} from "./interfaces/ICredentialStatus.sol";
import {IIssuerRegistry} from "./interfaces/IIssuerRegistry.sol";

/// @title Issuer registry
/// @dev The only contract of Cairn with an owner.
contract IssuerRegistry is IIssuerRegistry, Ownable2Step {
    uint256 private constant MAX_URI_LENGTH = 2048;

    mapping(address issuer => Issuer record) private _issuers;

    /// @inheritdoc IIssuerRegistry
    ICredentialStatus public immutable credentialStatus;

    /// @param registry The registry that tells the status of credentials
    /// @param initialOwner Who keeps the list, until a new owner accepts it
    constructor(ICredentialStatus registry, address initialOwner) Ownable(initialOwner) {
        // It can never be replaced, so that a wrong address must not pass.
        if (!ERC165Checker.supportsInterface(address(registry), type(ICredentialStatus).interfaceId)) {
            revert NotCredentialStatus(address(registry));
        }
        credentialStatus = registry;
    }

    /// @inheritdoc IIssuerRegistry
    function accredit(address issuer, string calldata metadataUri) external onlyOwner {
        if (issuer == address(0)) revert ZeroAddress();
        Issuer storage stored = _issuers[issuer];
        if (stored.accredited && Strings.equal(stored.metadataUri, metadataUri)) return;
        emit IssuerAccredited(issuer, metadataUri, _record(stored, true, metadataUri));
    }

    /// @inheritdoc IIssuerRegistry
    function discredit(address issuer, string calldata metadataUri) external onlyOwner {
        Issuer storage stored = _issuers[issuer];
        if (!stored.accredited) revert NotAccredited(issuer);
        emit IssuerDiscredited(issuer, metadataUri, _record(stored, false, metadataUri));
    }

    /// @inheritdoc IIssuerRegistry
    function isAccredited(address issuer) external view returns (bool accredited) {
        return _issuers[issuer].accredited;
    }

    /// @inheritdoc IIssuerRegistry
    function issuerOf(address issuer) external view returns (Issuer memory record) {
        return _issuers[issuer];
    }

    /// @inheritdoc IIssuerRegistry
    function verify(bytes32 credId) external view returns (bool valid) {
        bytes32[] memory credIds = new bytes32[](1);
        credIds[0] = credId;
        return _verification(credentialStatus.credentialStates(credIds)[0]).valid;
    }

    /// @inheritdoc IIssuerRegistry
    function credentialStates(
        bytes32[] calldata credIds
    ) external view returns (CredentialVerification[] memory states) {
        ICredentialStatus.CredentialState[] memory told = credentialStatus.credentialStates(credIds);
        states = new CredentialVerification[](told.length);
        for (uint256 i = 0; i < told.length; ++i) states[i] = _verification(told[i]);
    }

    /// @notice Always reverts: see `OwnershipCannotBeRenounced`.
    function renounceOwnership() public view override onlyOwner {
        revert OwnershipCannotBeRenounced();
    }

    function _verification(
        ICredentialStatus.CredentialState memory state
    ) private view returns (CredentialVerification memory verification) {
        bool accredited = _issuers[state.issuer].accredited;
        verification.issuer = state.issuer;
        verification.accredited = accredited;
        verification.active = state.active;
        verification.revoked = state.revoked;
        verification.suspended = state.suspended;
        verification.valid = accredited && state.active && !state.revoked && !state.suspended;
    }

    function _record(Issuer storage stored, bool accredited, string calldata metadataUri) private returns (uint256) {
        uint256 length = bytes(metadataUri).length;
        if (length > MAX_URI_LENGTH) revert MetadataUriTooLong(length, MAX_URI_LENGTH);
        stored.accredited = accredited;
        stored.updatedAt = uint64(block.timestamp);
        stored.metadataUri = metadataUri;
        return ++stored.version;
    }
}
