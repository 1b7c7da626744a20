// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {ICredentialStatus} from "./ICredentialStatus.sol";

/**
 * @title Issuer registry
 * @notice Who is accredited to issue credentials. An owner keeps the list, and everyone can read it and follow its
 * events. Accreditation says that an issuer is known; it gives no power over any identity or credential status.
 *
 * A verifier that trusts this list asks `verify` whether a credential counts: its issuer accredited and active, the
 * credential neither revoked nor suspended. That the credential's own signature is its issuer's is for the verifier to
 * check, off chain.
 */
interface IIssuerRegistry {
    /**
     * @notice What is known of an issuer.
     * @param accredited Whether it is accredited now
     * @param version How many events it has; zero when it was never heard of
     * @param updatedAt Time of the last of them, Unix seconds
     * @param metadataUri The URI that the last of them gave
     */
    struct Issuer {
        bool accredited;
        uint32 version;
        uint64 updatedAt;
        string metadataUri;
    }

    /**
     * @notice What a verifier needs to know of one credential.
     * @param issuer The issuer that the id names
     * @param accredited Whether the issuer is accredited
     * @param active Whether the issuer's identity is not deactivated
     * @param revoked Whether the credential is revoked
     * @param suspended Whether the credential is suspended
     * @param valid Whether the credential counts: accredited, active, neither revoked nor suspended
     */
    struct CredentialVerification {
        address issuer;
        bool accredited;
        bool active;
        bool revoked;
        bool suspended;
        bool valid;
    }

    /// @notice The contract that was to tell credentials' status does not say that it can (ERC-165).
    error NotCredentialStatus(address registry);

    /// @notice The zero address can be neither issuer nor owner.
    error ZeroAddress();

    /// @notice There is no accreditation to take away.
    error NotAccredited(address issuer);

    /// @notice A metadata URI has at most `maxLength` bytes.
    error MetadataUriTooLong(uint256 length, uint256 maxLength);

    /// @notice The list must stay in somebody's care, or a fraudulent issuer could never be removed.
    error OwnershipCannotBeRenounced();

    /**
     * @notice An issuer was accredited, or its metadata moved.
     * @param issuer The issuer's identity
     * @param metadataUri Where to read about the issuer; may be empty
     * @param version How many events this issuer has, this one included: gapless, from 1
     */
    event IssuerAccredited(address indexed issuer, string metadataUri, uint256 version);

    /**
     * @notice An issuer is no longer accredited.
     * @param issuer The issuer's identity
     * @param metadataUri Where to read the reason; may be empty
     * @param version How many events this issuer has, this one included: gapless, from 1
     */
    event IssuerDiscredited(address indexed issuer, string metadataUri, uint256 version);

    /// @notice Accredits an issuer, or gives an accredited one other metadata. What is already so costs no event.
    /// @param metadataUri Where to read about the issuer, at most 2,048 bytes; may be empty
    function accredit(address issuer, string calldata metadataUri) external;

    /// @notice Takes an issuer's accreditation away. It can be accredited again.
    /// @param metadataUri Where to read the reason, at most 2,048 bytes; may be empty
    function discredit(address issuer, string calldata metadataUri) external;

    /// @notice Whether an issuer is accredited now.
    function isAccredited(address issuer) external view returns (bool accredited);

    /// @notice The registry that tells the status of credentials.
    function credentialStatus() external view returns (ICredentialStatus registry);

    /// @notice Whether a credential counts: its issuer accredited and active, the credential neither revoked nor
    /// suspended.
    function verify(bytes32 credId) external view returns (bool valid);

    /// @notice What `verify` looks at, of many credentials, in their order.
    function credentialStates(
        bytes32[] calldata credIds
    ) external view returns (CredentialVerification[] memory states);

    /// @notice All that is known of an issuer, in one call; zeros when it was never heard of.
    function issuerOf(address issuer) external view returns (Issuer memory record);
}
