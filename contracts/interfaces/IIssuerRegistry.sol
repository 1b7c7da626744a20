// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/**
 * @title Issuer registry
 * @notice Who is accredited to issue credentials. An owner keeps the list, and everyone can read it and follow its
 * events. Accreditation says that an issuer is known; it gives no power over any identity or credential status.
 */
interface IIssuerRegistry {
    /**
     * @notice What is known of an issuer.
     * @param accredited Whether it is accredited now
     * @param version How many events it has; zero when it was never heard of
     * @param updatedBlock Block of the last of them
     * @param updatedAt Time of the last of them, Unix seconds
     * @param metadataUri The URI that the last of them gave
     */
    struct Issuer {
        bool accredited;
        uint32 version;
        uint64 updatedBlock;
        uint64 updatedAt;
        string metadataUri;
    }

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

    /// @notice All that is known of an issuer, in one call; zeros when it was never heard of.
    function issuerOf(address issuer) external view returns (Issuer memory record);
}
