// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";
import {IIssuerRegistry} from "./interfaces/IIssuerRegistry.sol";

/// @title Issuer registry
/// @dev The only contract of Cairn with an owner.
contract IssuerRegistry is IIssuerRegistry, Ownable2Step {
    uint256 private constant MAX_URI_LENGTH = 2048;

    mapping(address issuer => Issuer record) private _issuers;

    /// @param initialOwner Who keeps the list, until a new owner accepts it
    constructor(address initialOwner) Ownable(initialOwner) {}

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

    /// @notice Always reverts: see `OwnershipCannotBeRenounced`.
    function renounceOwnership() public view override onlyOwner {
        revert OwnershipCannotBeRenounced();
    }

    function _record(Issuer storage stored, bool accredited, string calldata metadataUri) private returns (uint256) {
        uint256 length = bytes(metadataUri).length;
        if (length > MAX_URI_LENGTH) revert MetadataUriTooLong(length, MAX_URI_LENGTH);
        stored.accredited = accredited;
        stored.updatedBlock = uint64(block.number);
        stored.updatedAt = uint64(block.timestamp);
        stored.metadataUri = metadataUri;
        return ++stored.version;
    }
}
